import type { z } from "zod";
import type { DualEncoder } from "../../clip/index.js";
import type { ImageSet, Task } from "../../data/index.js";
import type { protocolSchema } from "../../options/index.js";
import type { Changes } from "../../records/index.js";
import type { Tensor } from "../../torch/index.js";
import type { Stage, StageState } from "./stage.js";

export type ProtocolName = z.infer<typeof protocolSchema>;

/**
 * A continual-learning method: what is done with one task after another. One file per method; the protocol
 * calls `beginTask`, `trainTask` and `endTask` for each task, and `classifier` whenever it evaluates.
 */
export interface ContinualMethod {
  readonly name: string;
  /** Its name in tables and figures, which the run records; `defineMethod` sets it. Default: `name`. */
  readonly label?: string;
  /** The options in force, all of them: they are recorded with the run. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Whether images are routed by their class token, which not every model has. */
  readonly needsClassToken?: boolean;
  /**
   * Before any data is read.
   * @throws if something is missing that the options need, such as a file or reference data
   */
  checkNeeds?(given: { readonly hasReference: boolean }): void;
  /**
   * Once in every process, before a checkpoint is loaded. The context's model is the pre-trained one, and
   * nothing of a new run is on disk yet.
   * @throws if the run is impossible, such as for lack of reference data
   */
  beginRun?(context: RunContext): void | Promise<void>;
  /** Prepares the model, such as by injecting fresh adapters. */
  beginTask(task: Task, context: RunContext): void | Promise<void>;
  /** Trains on the task. @throws if the loss is not finite, or the run is aborted */
  trainTask(task: Task, context: RunContext): Promise<TrainSummary>;
  /** Finishes the task, such as by pruning and merging. */
  endTask(task: Task, context: RunContext): void | Promise<void>;
  /**
   * A classifier of the model as it is now; class texts are encoded once. Call it inside a scope that
   * outlives its use.
   */
  classifier(labels: LabelSpace, context: RunContext): Classifier;
  /**
   * The same of image features `[B, D]`, as `encodeImage` of the model as it is now gives them, in place of
   * pixels. Only methods that look at nothing else of an image have it: a run then keeps features.
   */
  featureClassifier?(labels: LabelSpace, context: RunContext): Classifier;
  /** Training leaves the image encoder as it is: a run then encodes each test image once. */
  readonly keepsImageEncoder?: boolean;
  /**
   * Notes about the images of one dataset, which were classified since the last call: by the name of the
   * note, then by dataset. They are logged with accuracies.
   */
  evaluationNotes?(): Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>;
  /** The state that the method needs to go on after the model itself was restored. */
  state(): MethodState;
  /** Takes the place of whatever the method kept so far. */
  loadState(state: MethodState): void;
  /** Trains on several processes as on one; `torch.distributed` says how many there are. Others refuse. */
  readonly isParallel?: boolean;
  /** Goes on from statistics that came with the model, the context's `inherited`. */
  readonly replaysStatistics?: boolean;
  /** Training leaves the model's own weights as they are: what is learned is kept beside them. */
  readonly keepsWeights?: boolean;
  /**
   * The `state()` after earlier tasks, as far as classifying needs it, from a later state. Only methods whose
   * classifiers read more than the model's weights have it.
   * @param tasks how many were learned
   * @returns `undefined` where that is lost
   */
  stateAfter?(tasks: number, later: MethodState): MethodState | undefined;
  /**
   * How what such classifiers read goes into a file beside an exported model, and back. A method that has
   * `stateAfter` and no head cannot be exported.
   */
  readonly head?: MethodHead;
  /** Releases what the method holds beside the model. A run calls it at its end, however it ends. */
  dispose?(): void;
}

/** The tensors that a method's classifiers read beside the model's weights. */
export interface MethodHead {
  /** Kind of the classifiers' scores: logits, or probabilities that may have other scores mixed in. */
  readonly scores: "logits" | "probabilities";
  /** Whether they read the weights that the run started from, too. */
  readonly readsPretrained: boolean;
  /** Any name may be a candidate, also one that is no class of the run. Default: no. */
  readonly takesAnyLabel?: boolean;
  /** The whole part of a state that classifying reads: views of it, or new tensors of the caller's scope. */
  take(state: MethodState): MethodState;
  /** Makes the method ready to classify, in place of `beginRun` and `loadState`; nothing will be trained. */
  open(setting: ServedSetting, taken: MethodState): void;
}

export interface ServedSetting {
  /** As the tasks left it. */
  readonly model: DualEncoder;
  /** As the run started; copy it to keep it. The model itself where the head does not read it. */
  readonly pretrained: DualEncoder;
  readonly seed: number;
}

export interface Classifier {
  /**
   * Scores of images `[B, 3, S, S]`, normalised, over the classes of a label space: `[B, classes]`.
   * @param dataset the images' dataset, which only an oracle may look at
   */
  (pixels: Tensor, dataset?: string): Tensor;
  /** Unit vectors of the classes, `[classes, D]`, where scores are the cosine to them by a constant. */
  readonly classFeatures?: Tensor;
}

/** Candidate classes, group by group; a class's column is its position over all groups. */
export interface LabelSpace {
  readonly groups: readonly LabelGroup[];
}

export interface LabelGroup {
  readonly name: string;
  readonly classes: readonly string[];
  readonly templates: readonly string[];
}

/** The part of a run that its method sees. */
export interface RunContext {
  readonly model: DualEncoder;
  readonly protocol: ProtocolName;
  readonly seed: number;
  /** Position of the current task in the stream. */
  readonly taskIndex: number;
  /** Tasks learned before the current one. Only their names, classes and templates: their images are gone. */
  readonly learned: readonly LabelGroup[];
  /**
   * The class names of the whole stream, also of tasks to come. A method leaves them out of what it draws by
   * itself, such as generic words. No method may learn from them.
   */
  readonly classNames: readonly string[];
  /** State of an earlier run, if the model that this run starts from came with it. */
  readonly inherited?: MethodState;
  /**
   * Images and texts that belong to no task, for methods that distil on them; `undefined` when none are
   * configured.
   */
  readonly reference?: ReferenceData;
  /** Aborted when the run should stop; within a task, on all of its processes after the same part. */
  readonly signal: AbortSignal;
  /**
   * Begins long work of the current task. Where an earlier process was in the middle of it, takes over what
   * that kept. One stage after another, in the same order whenever the task is learned.
   * @param name for people, such as `training`   @param total parts that it has
   */
  stage(name: string, total: number, state: StageState): Stage;
  /** Appends a line to the run's events. */
  log(event: RunEvent): void;
  /** Reports how far the current task's training is. */
  progress(done: number, total: number, loss: number): void;
  /** Reports how far other work is, such as choosing exemplars. */
  worked(what: string, done: number, total: number): void;
  /** Records what the current task changed. Methods that change weights in another way never call it. */
  record(change: TaskChange): void;
}

/** The low-rank updates of one task, `ΔW = B A` of every matrix that changes. */
export interface TaskChange extends Pick<Changes, "rank" | "modules"> {
  /** Ranks of each of the modules that survived. */
  readonly active: readonly number[];
  /** `[r, inFeatures]` and `[outFeatures, r]` by the module's name. They stay the caller's. */
  readonly updates: ReadonlyMap<string, { readonly loraA: Tensor; readonly loraB: Tensor }>;
}

/** Broad images and texts, unrelated to the tasks. */
export interface ReferenceData {
  readonly name: string;
  /** As models see them in tests. */
  readonly images: ImageSet;
  readonly texts: readonly string[];
}

export interface RunEvent {
  readonly kind: string;
  readonly [key: string]: unknown;
}

export interface TrainSummary {
  /** Updates of whatever the method learns. With 0 nothing was learned, and a run does not evaluate again. */
  readonly iterations: number;
  /** Mean loss since the last report; `undefined` when nothing was trained. */
  readonly loss?: number;
  readonly trainableParameters: number;
}

export interface MethodState {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly data: Readonly<Record<string, unknown>>;
}

export const emptyState: MethodState = { tensors: new Map(), data: {} };
