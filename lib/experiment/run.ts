import { resolve } from "node:path";
import { copyModel, type DualEncoder } from "../clip/index.js";
import type { Task } from "../data/index.js";
import type { ContinualMethod, MethodState, ProtocolName, ReferenceData } from "../methods/index.js";
import {
  type BatchSize,
  type Device,
  type EvaluationPrecision,
  type Precision,
  precisionSchema,
} from "../options/index.js";
import { type AccuracyMatrix, openRunDirectory, run as runStream, type TestSet } from "../protocol/index.js";
import { equalPromptWarnings } from "./check-prompts.js";
import type { Config } from "./config.js";
import type { GuardConfig } from "./guard-config.js";
import { openGuardData } from "./guard-data.js";
import { inheritedNotes } from "./inherited-notes.js";
import { inheritedStatistics } from "./inherited-statistics.js";
import type { ModelSettings } from "./models.js";
import { type ExperimentObserver, observeRun, workObserver } from "./observer.js";
import { openHoldOuts, openTasks } from "./open-data.js";
import { openModel } from "./open-model.js";
import { openStart } from "./open-start.js";
import { openReference } from "./reference.js";
import { RunGuard } from "./run-guard.js";

export interface RunConfigOptions {
  /** Go on with a run that was interrupted; starts it when there is none. */
  readonly resume?: boolean;
  readonly observer?: ExperimentObserver;
  readonly signal?: AbortSignal;
}

export interface ExperimentResult {
  /** The folder of the run's files. */
  readonly directory: string;
  readonly accuracy: AccuracyMatrix;
}

/** The name of a configuration's run, as given or made from its method, protocol and seed. */
function runName({ name, method, protocol, seed }: Config): string {
  return name ?? `${method}-${protocol}-seed${seed}`;
}

/** The folder for the files of a configuration's run. */
export function runDirectory(config: Config): string {
  return resolve(config.output ?? `runs/${runName(config)}`);
}

/**
 * Runs a configuration: opens its model, datasets and reference data, and learns the stream. Faults of the
 * method's options or the device are told before data is read.
 * @throws if something cannot be opened, the directory holds another run, or the run is aborted
 */
export async function run(config: Config, options: RunConfigOptions = {}): Promise<ExperimentResult> {
  const { resume, observer, signal = new AbortController().signal } = options;
  const { protocol, seed, cache, shots } = config;
  const { evaluationBatchSize, evaluationPrecision, testFeatures, saveEverySeconds } = config;
  const work = workObserver(observer);
  const { method, device, model, guard, reader } = openStart(config);
  const directory = runDirectory(config);
  const precision = config.precision ?? (resume ? recordedPrecision(directory) : undefined);
  const tasks = await openTasks(config, reader, work, signal);
  for (const warning of equalPromptWarnings(protocol, reader.tokenizer, tasks)) work.say(warning);
  const holdOuts = await openHoldOuts(config, reader, work, signal);
  const reference =
    config.reference && (await openReference(config.reference, reader, { cache, signal, progress: work }));
  reader.dispose();
  const recorded = {
    ...model,
    shots,
    device,
    datasets: config.datasets,
    ...(holdOuts.length > 0 && { holdOuts: config.holdOuts }),
    ...(reference && { reference: config.reference }),
    ...(guard && { guard }),
  };
  const accuracy = await runTasks(
    {
      name: runName(config),
      protocol,
      method,
      model,
      device,
      precision,
      seed,
      directory,
      evaluationBatchSize,
      evaluationPrecision,
      testFeatures,
      saveEverySeconds,
      config: recorded,
      resume,
      reference,
      holdOuts,
      guard,
      cache,
      observer,
      signal,
    },
    tasks,
  );
  return { directory, accuracy };
}

/** A run goes on in the precision that it began in, unless another is asked for. */
function recordedPrecision(path: string): Precision | undefined {
  const directory = openRunDirectory(path);
  if (!directory.exists()) return undefined;
  return precisionSchema.safeParse(directory.readRecord().config.precision).data ?? "fp32";
}

export interface ExperimentOptions {
  readonly name: string;
  readonly protocol: ProtocolName;
  readonly method: ContinualMethod;
  readonly model: ModelSettings;
  readonly device: Device;
  /** Default: `bf16` on CUDA, else `fp32`. */
  readonly precision?: Precision;
  readonly seed: number;
  readonly directory: string;
  readonly evaluationBatchSize?: BatchSize;
  /** How test images are encoded. Default: `exact`. */
  readonly evaluationPrecision?: EvaluationPrecision;
  /** Gigabytes of test features that the run keeps. */
  readonly testFeatures?: number;
  readonly saveEverySeconds?: number;
  readonly reference?: ReferenceData;
  /** Evaluated after every task, and never trained on. */
  readonly holdOuts?: readonly TestSet[];
  /** Measured after every task. */
  readonly guard?: GuardConfig;
  /** Whether images of the guard's datasets are kept decoded. Default: yes. */
  readonly cache?: boolean;
  /** Recorded with the run. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly resume?: boolean;
  readonly observer?: ExperimentObserver;
  readonly signal?: AbortSignal;
}

/** Runs one method over loaded tasks from a fresh copy of the model. */
export async function runTasks(options: ExperimentOptions, tasks: readonly Task[]): Promise<AccuracyMatrix> {
  const { model: settings, device, precision, observer, guard: limits, cache, ...stream } = options;
  const model = openModel(settings, device, precision);
  let inherited: MethodState | undefined;
  let guard: RunGuard | undefined;
  try {
    const say = (line: string): void => workObserver(observer).say(`  ${line}`);
    inherited = inheritedStatistics(options, model, say);
    for (const line of inheritedNotes(options, tasks, inherited)) say(line);
    guard = limits && (await openRunGuard(limits, model, options));
    return await runStream({
      ...stream,
      model,
      guard: guard?.measure,
      inherited,
      tasks,
      observer: observeRun(stream.method.name, tasks, workObserver(observer), observer),
    });
  } finally {
    model.dispose();
    guard?.dispose();
    for (const tensor of inherited?.tensors.values() ?? []) tensor.dispose();
  }
}

/** A guard that compares with another model, or with a copy of the one that the stream starts from. */
async function openRunGuard(
  config: GuardConfig,
  model: DualEncoder,
  options: ExperimentOptions,
): Promise<RunGuard> {
  const { device, precision, cache = true, observer, signal = new AbortController().signal } = options;
  const { orient, transparency, limitInputPixels, decodeTimeoutSeconds } = options.model;
  const decoding = { orient, transparency, limitInputPixels, decodeTimeoutSeconds };
  const data = await openGuardData(config, { cache, progress: workObserver(observer), signal });
  const { against } = config;
  const base =
    against === undefined ? copyModel(model) : openModel({ model: against, ...decoding }, device, precision);
  return new RunGuard(config, data, base);
}
