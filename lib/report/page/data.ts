import type { MetricName } from "../../records/index.js";
import type { RankHistory } from "../run.js";
import type { Summary } from "../summary.js";

/**
 * All that the page shows, as JSON. Accuracies are fractions, `null` is no value, and indices refer to lists
 * here.
 */
export interface PageData {
  title: string;
  summary: Summary;
  facts: [name: string, value: string][];
  warnings: string[];
  /** In the order of the stream. */
  datasets: DatasetData[];
  holdOuts: DatasetData[];
  groups: GroupData[];
  runs: RunData[];
  /** Sets of adapted matrices, each shared by the runs that name its index. */
  modules: RankHistory["modules"][];
  /** Only while the page is served. */
  live?: LiveState;
}

/** Data of the page of `codyra check`. */
export interface CheckData {
  title: string;
  facts: [name: string, value: string][];
  check: GuardData;
}

export interface LiveState {
  state: "running" | "finished" | "stopped";
  message: string;
}

export interface DatasetData {
  name: string;
  classes: number;
  /** `null` for hold-outs. */
  trainImages: number | null;
  testImages: number;
  template: string;
  fingerprints: { seeds: number[]; fingerprint: string }[];
}

/** Runs of one method that differ in their seed only. */
export interface GroupData {
  label: string;
  /** Number of its colour and marker; −1 for zero-shot, the grey reference. */
  style: number;
  /** Whether it is shown before the reader chooses. */
  isShown: boolean;
  runs: number[];
  summary: Summary;
}

export interface RunData {
  seed: number;
  directory: string;
  started: string;
  /** `null` while the run goes on. */
  finished: string | null;
  accuracy: MatrixData;
  holdOuts: MatrixData | null;
  /** `null` while the stream is not finished. */
  metrics: Record<MetricName, MetricData> | null;
  holdOutMetric: MetricData | null;
  losses: LossCurve[];
  ranks: { rank: number; modules: number; tasks: { dataset: string; active: number[] }[] } | null;
  cost: CostData;
  /** Measurements of the tasks after which a guard measured the model. */
  guard: GuardData[];
  /** Settings and versions, by name. */
  settings: Record<string, string>;
}

/** Rows are tasks, columns datasets (all hold-outs of the page for hold-outs). */
export interface MatrixData {
  zeroShot: (number | null)[] | null;
  matrix: (number | null)[][];
}

export interface MetricData {
  columns: (number | null)[];
  overall: number | null;
}

/** The loss of one task; steps count from the start of the stream. */
export interface LossCurve {
  dataset: string;
  start: number;
  points: [step: number, loss: number][];
}

/** A guard's measurements after a task. */
export interface GuardData {
  /** Position in the stream. */
  task: number;
  dataset: string;
  /** `null` for the model before the stream. */
  against: string | null;
  isBroken: boolean;
  /** Numbers as text, with their units. */
  measures: {
    name: string;
    isRecall: boolean;
    before: string;
    after: string;
    limit: string;
    isBroken: boolean;
  }[];
  drift: DriftData | null;
  advice: string | null;
}

/** Shares of neighbours for each k, and the mean cosine of index vectors. */
export interface DriftData {
  ks: number[];
  kept: number[];
  /** With new queries mapped to the old vectors, by the better of two maps. */
  mapped: number[];
  cosine: number;
}

export interface CostData {
  seconds: number;
  /** `null` where the run did not record them apart. */
  trainingSeconds: number | null;
  evaluationSeconds: number | null;
  peakResidentBytes: number;
  trainableParameters: number;
  totalParameters: number;
  /** Highest use in each phase of the run, in the order in which they were first entered. */
  memory: { phase: string; residentBytes: number; deviceBytes: number | null }[];
}
