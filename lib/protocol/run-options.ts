import type { DualEncoder } from "../clip/index.js";
import type { Task } from "../data/index.js";
import type {
  ContinualMethod,
  MethodState,
  ProtocolName,
  ReferenceData,
  RunEvent,
} from "../methods/index.js";
import type { BatchSize, EvaluationPrecision, OptionKeys } from "../options/index.js";
import type { GuardRecord } from "../records/index.js";
import type { TestSet } from "./evaluate.js";

/** An observer of a run. */
export interface RunObserver {
  taskStarted?(index: number, task: Task): void;
  trained?(done: number, total: number, loss: number): void;
  /** Called during work beside training; `what` is for people. */
  worked?(what: string, done: number, total: number): void;
  evaluated?(done: number, total: number): void;
  /** After each evaluation; `index` is −1 for the one before any training. */
  taskFinished?(index: number, accuracies: readonly number[]): void;
  /** Every event, after it went to `events.jsonl`. */
  logged?(event: RunEvent): void;
  /** Told of the guard's current measurement, such as `retrieval of the new model`. */
  guarding?(what: string): void;
  /** Told of the guard's measurements after a task. */
  guarded?(index: number, found: GuardRecord): void;
  warn?(message: string): void;
}

export interface RunOptions {
  readonly name: string;
  readonly protocol: ProtocolName;
  readonly model: DualEncoder;
  readonly method: ContinualMethod;
  readonly tasks: readonly Task[];
  /**
   * Datasets that are tested on like those of the tasks, but never trained on; each against its own classes,
   * in every protocol.
   */
  readonly holdOuts?: readonly TestSet[];
  /** Images and texts that belong to no task, for methods that distil on them. */
  readonly reference?: ReferenceData;
  /** State of an earlier run, if the model came with it. */
  readonly inherited?: MethodState;
  readonly seed: number;
  /** The folder for the run's files. */
  readonly directory: string;
  /** Go on with a run that was interrupted; starts it when there is none. */
  readonly resume?: boolean;
  /** Test images per pass; `auto` takes what fits into memory. */
  readonly evaluationBatchSize?: BatchSize;
  /**
   * `bf16` encodes test images in bfloat16, and those again whose class rounding may have decided. Default:
   * `exact`, all as the model computes.
   */
  readonly evaluationPrecision?: EvaluationPrecision;
  /**
   * Gigabytes of test features that are kept in the directory for a stream that grows, in X-TAIL; 0 keeps
   * none.
   */
  readonly testFeatures?: number;
  /** Seconds between saved states of a task in progress; 0 saves none. Default: 60. */
  readonly saveEverySeconds?: number;
  /** Recorded with the run, beside the method's own options. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly signal?: AbortSignal;
  /** Measures what a task did to the model, after its evaluation; what it finds is recorded and told. */
  readonly guard?: TaskGuard;
  readonly observer?: RunObserver;
}

export type TaskGuard = (
  model: DualEncoder,
  watch: { readonly signal: AbortSignal; readonly onStep: (what: string) => void },
) => Promise<Omit<GuardRecord, "dataset">>;

/** The keys that `checkOptions` compares with. */
export const runOptionKeys: OptionKeys<RunOptions> = {
  name: true,
  protocol: true,
  model: true,
  method: true,
  tasks: true,
  holdOuts: true,
  reference: true,
  inherited: true,
  seed: true,
  directory: true,
  resume: true,
  evaluationBatchSize: true,
  evaluationPrecision: true,
  testFeatures: true,
  saveEverySeconds: true,
  config: true,
  signal: true,
  guard: true,
  observer: true,
};
