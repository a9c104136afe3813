import type { Member } from "./member.js";
import { heartbeatMs, type Store } from "./store.js";

/**
 * The message of a rank that ends before the others. `failed`: by an error of its own; `stopped`: it was
 * asked to; `noticed`, then `told`: since another one ended.
 */
interface LastWords {
  readonly kind: "failed" | "stopped" | "noticed" | "told";
  readonly message?: string;
  /** The rank needs the store no more. */
  readonly isDone?: boolean;
}

/** Why a collective failed. */
export interface Ending {
  readonly message: string;
  /** Whether someone asked a rank to stop, which is no failure. */
  readonly isStop: boolean;
  /** Ranks that ended without a word. */
  readonly lost: readonly number[];
}

/** A heart that has not beaten for so long stands still. */
const stillMs = 5 * heartbeatMs;
const longestWaitMs = 2000;
const pollMs = 100;

export const beatKey = (rank: number): string => `beat/${rank}`;
const wordsKey = (rank: number): string => `words/${rank}`;

export function leaveWords(store: Store, rank: number, words: LastWords): void {
  try {
    store.set(wordsKey(rank), JSON.stringify(words));
  } catch {
    // The store is gone, and the others see that as well.
  }
}

/**
 * Finds out who ended, once a collective has failed: a rank with last words that say so, or else one whose
 * heart stands still. Holds up JavaScript for two seconds at most.
 */
export function whoEnded(store: Store, own: number, members: readonly Member[], place: string): Ending {
  const nameOf = (rank: number): string =>
    `ank ${rank} on ${members[rank]?.host} (process ${members[rank]?.pid})`;
  try {
    leaveWords(store, own, { kind: "noticed" });
    const ending = searchEnding(store, own, members, (rank) => `R${nameOf(rank)}`);
    leaveWords(store, own, { kind: "told", isDone: true });
    return ending;
  } catch {
    const message = `The meeting point ${place} is gone, and with it r${nameOf(0)} or the launcher's agent`;
    return { message, isStop: false, lost: [0] };
  }
}

function searchEnding(
  store: Store,
  own: number,
  members: readonly Member[],
  nameOf: (rank: number) => string,
): Ending {
  const others = members.flatMap((_, rank) => (rank === own ? [] : [rank]));
  const beats = others.map((rank) => store.get(beatKey(rank)));
  for (let waited = 0; waited < stillMs; waited += pollMs) {
    for (const rank of others) {
      const { kind, message } = wordsOf(store, rank) ?? {};
      if (kind === "failed")
        return { message: `${nameOf(rank)} failed: ${message}`, isStop: false, lost: [] };
      if (kind === "stopped")
        return { message: `${nameOf(rank)} was stopped: ${message}`, isStop: true, lost: [] };
    }
    pause(pollMs);
  }
  const lost = others.filter(
    (rank, i) => wordsOf(store, rank) === undefined && store.get(beatKey(rank)) === beats[i],
  );
  const message =
    lost.length > 0
      ? `${lost.map(nameOf).join(", ")} ended without a word, as after kill -9 or for lack of memory`
      : "The connection to another rank broke, or it did not come in time, while all processes are alive";
  return { message, isStop: false, lost };
}

/** Waits until some ranks need the store, which this process serves, no more. */
export function awaitDone(store: Store, ranks: readonly number[]): void {
  waitUntil(() => ranks.every((rank) => wordsOf(store, rank)?.isDone));
}

/** The first process's message about its end, if it comes soon. */
export function hearsFirst(store: Store): string | undefined {
  let words: LastWords | undefined;
  waitUntil(() => {
    words = wordsOf(store, 0);
    return words !== undefined;
  });
  return words?.message;
}

/** Waits for some time; not where the store is gone. */
function waitUntil(isSo: () => boolean): void {
  try {
    for (let waited = 0; waited < longestWaitMs && !isSo(); waited += pollMs) pause(pollMs);
  } catch {
    // There is nothing left to wait for.
  }
}

function wordsOf(store: Store, rank: number): LastWords | undefined {
  const words = store.get(wordsKey(rank));
  return words === undefined ? undefined : (JSON.parse(words) as LastWords);
}

/** Without the event loop: what waits for a collective must not go on with its work. */
function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
