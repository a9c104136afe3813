import { defaultSaveEverySeconds } from "../options/index.js";
import type { Measured } from "../records/index.js";
import { type Attempt, secondsSince } from "./attempt.js";
import type { TestSet } from "./evaluate.js";
import { differing, type Identity, rowIdentity } from "./identity.js";

/**
 * A row of the matrix as it is measured, dataset by dataset. It is saved where measuring again would cost a
 * tenth of `saveEverySeconds`. It goes on after the datasets that an earlier process saved.
 */
export class MeasuredRow {
  readonly #attempt: Attempt;
  readonly #identity: Identity;
  readonly #saved: readonly Measured[];
  readonly #secondsBefore: number;
  readonly #began = performance.now();
  readonly #measured: Measured[] = [];
  #lastSave = performance.now();
  #hasWarned = false;

  /** @param task −1 for the row before any training */
  constructor(
    attempt: Attempt,
    readonly task: number,
  ) {
    this.#attempt = attempt;
    this.#identity = rowIdentity(attempt.options, task);
    const { measured, seconds } = this.#restore() ?? { measured: [], seconds: 0 };
    this.#saved = measured;
    this.#secondsBefore = seconds;
    attempt.addSeconds(seconds);
  }

  /** In all attempts. */
  get seconds(): number {
    return this.#secondsBefore + secondsSince(this.#began);
  }

  /** Takes over what is saved of the datasets that come now. @returns the first ones of them */
  take(datasets: readonly TestSet[]): Measured[] {
    const taken: Measured[] = [];
    for (const { name } of datasets) {
      const found = this.#saved[this.#measured.length];
      if (found?.name !== name) break;
      taken.push(found);
      this.#measured.push(found);
    }
    return taken;
  }

  add(measured: Measured): void {
    this.#measured.push(measured);
    const { saveEverySeconds = defaultSaveEverySeconds } = this.#attempt.options;
    const isWorthwhile = secondsSince(this.#lastSave) >= saveEverySeconds / 10;
    if (saveEverySeconds > 0 && isWorthwhile) this.#save();
  }

  /** The fields of the row's event beside its accuracies. */
  describe(): Readonly<Record<string, unknown>> {
    const counts = this.#measured.flatMap(({ closeCalls }) => closeCalls ?? []);
    const sum = (key: "images" | "confirmed" | "changed"): number =>
      counts.reduce((total, each) => total + each[key], 0);
    return {
      ...(counts.length > 0 && {
        closeCalls: { images: sum("images"), confirmed: sum("confirmed"), changed: sum("changed") },
      }),
      ...joinedNotes(this.#measured),
      seconds: this.seconds,
    };
  }

  #save(): void {
    this.#lastSave = performance.now();
    const { directory } = this.#attempt;
    const [measured, identity] = [this.#measured, this.#identity];
    try {
      directory.writeEvaluation(this.task, { formatVersion: 1, identity, seconds: this.seconds, measured });
    } catch (error) {
      this.#warn(`The row in progress is not saved, but goes on. ${(error as Error).message}`);
    }
  }

  #restore(): { readonly measured: readonly Measured[]; readonly seconds: number } | undefined {
    const { record, problem } = this.#attempt.directory.readEvaluation(this.task);
    const other = record === undefined ? [] : differing(record.identity, this.#identity);
    if (problem === undefined && other.length === 0) return record;
    const reason = problem ?? `it differs in ${other.join(", ")}`;
    this.#warn(`Earlier measurements of the row are left aside: ${reason}`);
    return undefined;
  }

  #warn(message: string): void {
    if (!this.#hasWarned) this.#attempt.options.observer?.warn?.(message);
    this.#hasWarned = true;
  }
}

/** Notes of all datasets: those of one name side by side. */
function joinedNotes(measured: readonly Measured[]): Record<string, unknown> {
  const joined: Record<string, unknown> = {};
  for (const { notes = {} } of measured)
    for (const [name, byDataset] of Object.entries(notes))
      joined[name] = { ...(joined[name] as object | undefined), ...(byDataset as object | undefined) };
  return joined;
}
