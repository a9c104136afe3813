import { mkdirSync } from "node:fs";
import type { RunEvent } from "../../methods/index.js";
import { EventFile } from "./event-file.js";

/**
 * Writes the numbers of a run as scalars for TensorBoard. `train/` has everything that training logs, such as
 * loss, learning rate, κ, active ranks and images per second. `accuracy/` and `holdOuts/` have the accuracies
 * after each task; memory is there too. Steps count the iterations of all tasks. A resumed run adds a file,
 * which replaces what the interrupted task has written.
 */
export class RunBoard {
  #file: EventFile | undefined;
  #isPlaced = false;

  /**
   * @param directory the folder of this run; TensorBoard's log directory holds those of all runs
   * @param iterations per task; 1 for methods that do not iterate
   * @throws if the directory cannot be made
   */
  constructor(
    private readonly directory: string,
    private readonly iterations: number,
  ) {
    mkdirSync(directory, { recursive: true });
  }

  /** Takes an event as it goes to `events.jsonl`; the first one makes the file. */
  log(event: RunEvent): void {
    if (!this.#isPlaced) this.#place(event);
    const scalars = scalarsOf(event);
    if (scalars === undefined) return;
    this.#append({ step: this.#stepOf(event), scalars });
  }

  /**
   * Says from which step on this file replaces earlier ones: a resumed run does an interrupted task again.
   */
  #place({ kind, task }: RunEvent): void {
    if (kind !== "task-start" && kind !== "evaluation") return;
    this.#isPlaced = true;
    if (task === -1) this.#append({ step: 0, isRestart: true });
    // A task that was trained already is only evaluated, of which there is nothing yet.
    else if (kind === "task-start")
      this.#append({ step: (task as number) * this.iterations + 1, isRestart: true });
  }

  #stepOf({ kind, task, step }: RunEvent): number {
    const before = (task as number) * this.iterations;
    return kind === "step" ? before + (step as number) : before + this.iterations;
  }

  #append(event: { step: number; isRestart?: boolean; scalars?: Record<string, number> }): void {
    this.#file ??= new EventFile(this.directory);
    this.#file.append({ time: new Date(), ...event });
  }
}

function scalarsOf({ kind, ...event }: RunEvent): Record<string, number> | undefined {
  const memory = { "memory/residentBytes": process.memoryUsage.rss() };
  if (kind === "step") {
    const { task, step, ...values } = event;
    return { ...prefixed("train", values), ...memory };
  }
  if (kind === "evaluation") {
    return { ...prefixed("accuracy", event.accuracy), ...prefixed("holdOuts", event.holdOuts), ...memory };
  }
  return undefined;
}

/** The numbers among values, by tag. */
function prefixed(group: string, values: unknown): Record<string, number> {
  const numbers = Object.entries(values ?? {}).filter(([, value]) => typeof value === "number");
  return Object.fromEntries(numbers.map(([name, value]) => [`${group}/${name}`, value]));
}
