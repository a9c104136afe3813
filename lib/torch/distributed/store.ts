import { setTimeout as sleep } from "node:timers/promises";
import { bridge } from "../bridge.js";
import type { ProcessEnvironment } from "./environment.js";

/** Keys and values that all processes see, by which they find each other. */
export class Store {
  /** @param native the addon's object for it */
  private constructor(readonly native: unknown) {}

  /**
   * Serves the store, or connects to it as soon as it is there.
   * @param deadline a time of `performance.now()`
   * @throws if it is not reached by then, or the signal is aborted
   */
  static async open(place: ProcessEnvironment, deadline: number, signal?: AbortSignal): Promise<Store> {
    const { host, port, rank, hasAgentStore, attempt } = place;
    const isServer = rank === 0 && !hasAgentStore;
    const open = bridge().openStore;
    if (open === undefined) throw new Error(withoutC10d);
    for (;;) {
      signal?.throwIfAborted();
      try {
        return new Store(await open(host, port, isServer, `/worker/attempt_${attempt}`, attemptMs));
      } catch (cause) {
        if (isServer || performance.now() > deadline) {
          throw new Error(
            `Rank ${rank} cannot ${isServer ? "open" : "reach"} the meeting point ${host}:${port}: ${(cause as Error).message.split("\n")[0]}. ` +
              "Expected the machine of rank 0, and a port that is free there. Set MASTER_ADDR and MASTER_PORT.",
            { cause },
          );
        }
        await sleep(200);
      }
    }
  }

  set(key: string, value: string): void {
    bridge().storeSet(this.native, key, value);
  }

  /** `undefined` where nobody has set it. @throws if the store is gone */
  get(key: string): string | undefined {
    return bridge().storeGet(this.native, key);
  }

  /**
   * Counts up a key several times a second, whatever JavaScript does meanwhile.
   * @returns a function that ends it
   */
  startHeartbeat(key: string): () => void {
    const heartbeat = bridge().startHeartbeat(this.native, key, heartbeatMs);
    return () => bridge().stopHeartbeat(heartbeat);
  }

  close(): void {
    bridge().closeStore(this.native);
  }
}

/** How long one attempt to connect may hold up an interruption. */
const attemptMs = 2000;
export const heartbeatMs = 300;

const withoutC10d =
  "This libtorch has no c10d with Gloo: expected one of PyTorch's wheels for Linux or macOS. " +
  "Run `npm run setup` with another libtorch, or use one process.";
