import type { Task } from "../../data/index.js";
import type { Tensor } from "../../torch/index.js";
import { FeatureProbe } from "./feature-probe.js";
import type { StageState } from "./stage.js";
import type { StatisticsReplay } from "./statistics-replay.js";
import type { TaskReplay } from "./task-replay.js";
import type { IterationTexts } from "./training.js";
import type { RunContext } from "./types.js";

/**
 * Replay around the training of both encoders together: statistics move along with the image encoder when the
 * task is done.
 */
export class ReplayedTask implements Disposable {
  #after: Tensor | undefined;

  /** Before the task is trained. @throws if the run is aborted */
  static async begin(
    replay: StatisticsReplay,
    task: Task,
    context: RunContext,
    cropScale: readonly [number, number],
  ): Promise<ReplayedTask> {
    const taskReplay = replay.prepare(task, context);
    try {
      const probe = await FeatureProbe.prepare(task, context, cropScale);
      return new ReplayedTask(replay, task, context, probe, taskReplay);
    } catch (error) {
      taskReplay.dispose();
      throw error;
    }
  }

  private constructor(
    private readonly replay: StatisticsReplay,
    private readonly task: Task,
    private readonly context: RunContext,
    private readonly probe: FeatureProbe,
    private readonly taskReplay: TaskReplay,
  ) {}

  /** The source from which the training loop takes the texts of an iteration. */
  readonly texts = (iteration: number): IterationTexts => this.taskReplay.at(iteration);

  /** The state that goes from one iteration to the next. */
  get state(): StageState {
    return this.taskReplay.state;
  }

  /** After training: looks where images are now. @throws if the run is aborted */
  async watch(): Promise<void> {
    this.#after = await this.probe.after(this.context);
  }

  /** Takes the task up into the statistics. */
  keep(): void {
    const after = this.#after as Tensor;
    using own = this.probe.ownRows(after);
    this.replay.keep(this.task, this.context, own, { before: this.probe.before, after });
  }

  dispose(): void {
    this.probe.dispose();
    this.taskReplay.dispose();
    this.#after?.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
