import type { Task } from "../data/index.js";
import type { RunEvent } from "../methods/index.js";
import type { Accuracy, AccuracyMatrix, EmptyCells } from "../records/index.js";
import type { Attempt } from "./attempt.js";
import { EarlierModels } from "./earlier-models.js";
import { byName, type StreamEvaluation } from "./stream-evaluation.js";

/**
 * Gives the rows so far the columns of new datasets, with the models of those rows as far as they can be
 * rebuilt. Among the classes of the whole stream, all columns of a row are measured anew.
 */
export class Growth {
  readonly #attempt: Attempt;
  readonly #evaluation: StreamEvaluation;
  readonly #measured: readonly Task[];
  readonly #emptyCells: EmptyCells[] = [];
  readonly #events: RunEvent[] = [];

  /** @param known how many datasets have a column */
  constructor(attempt: Attempt, evaluation: StreamEvaluation, known: number) {
    const { protocol, tasks } = attempt.options;
    this.#attempt = attempt;
    this.#evaluation = evaluation;
    this.#measured = protocol === "mtil" ? tasks.slice(known) : tasks;
  }

  async widen(accuracy: AccuracyMatrix): Promise<void> {
    const { directory, options, continuation } = this.#attempt;
    const { tasks, model, method } = options;
    const grownTo = tasks.length;
    this.#events.push({ kind: "resumed", grownTo, changed: continuation?.changed ?? {} });
    using earlier = new EarlierModels(directory, model, method, accuracy.matrix.length);
    if (accuracy.zeroShot !== undefined) {
      accuracy.zeroShot = await this.#widened(accuracy.zeroShot, -1, earlier);
    }
    for (const [t, row] of accuracy.matrix.entries()) {
      accuracy.matrix[t] = await this.#widened(row, t, earlier);
    }
    accuracy.datasets = tasks.map(({ name }) => name);
    earlier.restore(-1);
    this.#recordEmptyCells();
    directory.dropEventsOfGrowth(grownTo);
    for (const event of this.#events) this.#attempt.log(event);
    this.#attempt.describe();
    directory.writeMatrix(accuracy); // as long as it lacks columns, a resumed run comes here again
    directory.removeEvaluations();
  }

  async #widened(row: readonly Accuracy[], t: number, earlier: EarlierModels): Promise<Accuracy[]> {
    const { tasks } = this.#attempt.options;
    const reason = earlier.restore(t);
    const kept = row.slice(0, tasks.length - this.#measured.length);
    if (reason !== undefined) {
      this.#leaveEmpty(t, reason);
      return [...kept, ...this.#measured.map(() => null)];
    }
    const measured = this.#evaluation.begin(t);
    const accuracies = await this.#evaluation.of(this.#measured, measured);
    this.#events.push({
      kind: "reevaluation",
      grownTo: tasks.length,
      task: t,
      accuracy: byName(this.#measured, accuracies),
      ...measured.describe(),
    });
    return [...kept, ...accuracies];
  }

  #leaveEmpty(t: number, reason: string): void {
    const { tasks, observer } = this.#attempt.options;
    const after = t < 0 ? null : (tasks[t] as Task).name;
    const datasets = this.#measured.map(({ name }) => name);
    this.#emptyCells.push({ after, datasets, reason });
    observer?.warn?.(`After ${after}, accuracy on ${datasets.join(", ")} stays unknown: ${reason}.`);
  }

  /** If only new columns are measured, cells that earlier growths left empty stay so. */
  #recordEmptyCells(): void {
    const { record } = this.#attempt;
    const isNew = (name: string): boolean => this.#measured.some((set) => set.name === name);
    const before = (record.emptyCells ?? []).filter(({ datasets }) => !datasets.some(isNew));
    const all = [...before, ...this.#emptyCells];
    record.emptyCells = all.length > 0 ? all : undefined;
  }
}
