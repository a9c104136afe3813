import { z } from "zod";
import type { Task } from "../../data/index.js";
import type { Device, Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import { ClassStatistics } from "./class-statistics.js";
import { FirstTexts, firstPrefix } from "./first-texts.js";
import { sum } from "./sums.js";
import { TaskReplay } from "./task-replay.js";
import type { MethodState, ProtocolName, RunContext } from "./types.js";
import { WordAnchors } from "./word-anchors.js";

/**
 * Options of every method that replays statistics of earlier tasks. Symbols are those of `docs/statra.md`.
 */
export const replayShape = {
  replayWeight: z
    .number()
    .nonnegative()
    .default(2)
    .describe("weight ρ of the loss on pseudo-features of earlier classes"),
  pseudoFeatures: z.int().positive().default(256).describe("pseudo-features M per iteration"),
  replayClasses: z
    .int()
    .positive()
    .nullable()
    .default(64)
    .describe("earlier classes P per iteration, which bounds the time of a task; null takes all"),
  covariance: z
    .enum(["shared", "diagonal", "none"])
    .default("shared")
    .describe("scatter of pseudo-features: one covariance, variances of each class, or none"),
  candidates: z
    .enum(["protocol", "seen", "own"])
    .default("protocol")
    .describe("classes that compete in training: those seen so far (x-tail), or the dataset's own (mtil)"),
  words: z
    .string()
    .default("vocabulary")
    .describe("generic words: whole words of the tokenizer, or a text file with one per line"),
  wordCount: z.int().nonnegative().default(1000).describe("generic words that are drawn once"),
  wordTemplates: z
    .array(z.string().includes("{}"))
    .nonempty()
    .default(["a photo of a {}."])
    .describe("prompts of generic words"),
  wordWeight: z
    .number()
    .nonnegative()
    .default(10)
    .describe("weight γ of the distance of generic words from where the pre-trained model has them"),
  wordBatch: z.int().positive().default(32).describe("generic prompts J' per iteration"),
  driftRidge: z
    .number()
    .positive()
    .default(0.03)
    .describe("ridge of the linear map that moves kept means along with the image encoder"),
  unlearnedTexts: z
    .enum(["current", "first"])
    .default("current")
    .describe(
      "text encoder for names of classes that were never learned: as it is now, or as it was at first, which inference then needs too",
    ),
} as const;

const replaySchema = z.strictObject(replayShape);
export type ReplayOptions = z.infer<typeof replaySchema>;

/** The option of methods that can do with replay and without: `true`, or options of the replay. */
export const replayOption = {
  replay: z
    .union([z.boolean(), replaySchema])
    .optional()
    .transform((given) => (given === true ? replaySchema.parse({}) : given || undefined))
    .describe(
      "replay statistics of earlier classes, as statra does: true, or options of the replay, whose candidates then stand for negatives",
    ),
} as const;

/**
 * For methods that train by another and classify in a way of their own.
 * @throws if the options ask for texts of the first model
 */
export function refuseFirstTexts(method: string, replay: ReplayOptions | undefined): void {
  if (replay?.unlearnedTexts !== "first") return;
  throw new Error(
    `replay.unlearnedTexts: expected current, since ${method} classifies by more than names, got first. Leave it out, or take codyra.`,
  );
}

/**
 * Replay of statistics in place of images. Pseudo-features are drawn from the statistics of earlier classes;
 * generic words stay where the pre-trained text encoder has them.
 */
export class StatisticsReplay implements Disposable {
  readonly statistics: ClassStatistics;
  readonly anchors = new WordAnchors();
  /** Reads the names of unlearned classes, where the current text encoder does not. */
  readonly firstTexts: FirstTexts | undefined;
  #device: Device = "cpu";
  #inherited = 0; // datasets that were learned before this run

  constructor(
    readonly options: ReplayOptions,
    readonly protocol: ProtocolName,
  ) {
    this.statistics = new ClassStatistics(options.covariance);
    if (options.unlearnedTexts === "first") this.firstTexts = new FirstTexts();
  }

  /**
   * Takes over what came with the model, or chooses generic words. The context's model is the one the run
   * starts from.
   * @throws if what came is of features of another width or of another kind of covariance, or there are no
   * words
   * @throws if what came lacks the first text encoder that the options ask for
   */
  async beginRun(context: RunContext): Promise<void> {
    const { inherited, model } = context;
    this.#device = model.device;
    this.firstTexts?.begin(model);
    if (inherited === undefined) {
      await this.anchors.choose(this.options, context);
      return;
    }
    checkWidth(inherited, model.config.embedDim);
    if (this.firstTexts !== undefined) checkFirstTexts(inherited);
    this.loadState(inherited);
    this.#inherited = this.statistics.groups.length;
  }

  /** The replay while a task is learned. The caller disposes of it. */
  prepare(task: Task, context: RunContext): TaskReplay {
    return new TaskReplay(this, task, context);
  }

  /**
   * Takes a learned task up into the statistics.
   * @param features those of the task's images, unit vectors `[n, D]`
   * @param drift unit features `[m, D]` of images before the task and after it, where the image encoder was
   * trained
   */
  keep(
    task: Task,
    context: RunContext,
    features: Tensor,
    drift?: { readonly before: Tensor; readonly after: Tensor },
  ): void {
    const { statistics, options } = this;
    torch.scope(() => {
      if (drift !== undefined) statistics.compensate(drift.before, drift.after, options.driftRidge);
      statistics.learn(task, features, torch.upload(task.train.labels, context.model.device));
    });
    const bytes = Array.from(this.#statisticsState().tensors.values(), (tensor) => 4 * tensor.numel());
    context.log({
      kind: "statistics",
      task: context.taskIndex,
      dataset: task.name,
      classes: statistics.classes,
      words: this.anchors.words.length,
      bytes: sum(bytes),
    });
  }

  /** Whether the classes of all datasets compete, or those of each dataset alone. */
  get isJoint(): boolean {
    const { candidates } = this.options;
    return candidates === "protocol" ? this.protocol === "x-tail" : candidates === "seen";
  }

  /** The weights of the first text encoder are views, or belong to the caller's scope. */
  state(): MethodState {
    const { tensors, data } = this.#statisticsState();
    if (this.firstTexts === undefined) return { tensors, data };
    return {
      tensors: new Map([...tensors, ...this.firstTexts.state()]),
      data: { ...data, firstTexts: { inherited: this.#inherited } },
    };
  }

  /** A file's tensors are on the CPU: they go to the device of the run's model. */
  loadState({ tensors, data }: MethodState): void {
    torch.scope(() => {
      const moved = Array.from(
        tensors,
        ([name, tensor]) => [name, tensor.to({ device: this.#device })] as const,
      );
      const state = { tensors: new Map(moved), data };
      this.statistics.loadState(state);
      this.anchors.loadState(state);
      this.firstTexts?.loadState(state.tensors);
    });
    this.#inherited = (data.firstTexts as { inherited: number } | undefined)?.inherited ?? 0;
  }

  dispose(): void {
    this.statistics.dispose();
    this.anchors.dispose();
    this.firstTexts?.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #statisticsState(): MethodState {
    const parts = [this.statistics.state(), this.anchors.state()];
    return {
      tensors: new Map(parts.flatMap(({ tensors }) => Array.from(tensors))),
      data: Object.assign({}, ...parts.map(({ data }) => data)),
    };
  }
}

function checkFirstTexts({ data }: MethodState): void {
  if (data.firstTexts !== undefined) return;
  throw new Error(
    "unlearnedTexts: expected statistics that came with the first text encoder, got some without. " +
      "Export the model from a run that has `unlearnedTexts: first`, or leave the option out.",
  );
}

function checkWidth({ tensors }: MethodState, width: number): void {
  for (const [name, tensor] of tensors) {
    if (name.startsWith(firstPrefix) || tensor.size(-1) === width) continue;
    throw new Error(
      `Statistics of earlier classes: expected features of ${width} numbers as the model has them, got ${name} ` +
        `[${tensor.shape.join(", ")}]. They belong to another model: remove the file, or take that model.`,
    );
  }
}
