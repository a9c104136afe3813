import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type ClipModel, loadStateDict } from "../clip/index.js";
import type { FewShotSample } from "../data/index.js";
import {
  applyUpdates,
  type LoraModule,
  type LowRankUpdates,
  loadAdapter,
  type ModuleUpdate,
  saveAdapter,
} from "../lora/index.js";
import type { ContinualMethod, MethodState, RunEvent } from "../methods/index.js";
import * as torch from "../torch/index.js";
import { writeFileAtomically, writeJsonAtomically } from "./atomic-file.js";
import { parseAccuracyMatrix } from "./matrix-file.js";
import type { PeakMemory, Phase } from "./memory.js";
import type { AccuracyMatrix } from "./metrics.js";

/** What a run was: everything needed to repeat it and to read its numbers. `run.json`. */
export interface RunRecord {
  formatVersion: 1;
  name: string;
  method: string;
  protocol: string;
  seed: number;
  config: Record<string, unknown>;
  versions: { codyra: string; libtorch: string; node: string };
  gitRevision: string | null;
  datasets: {
    name: string;
    classes: readonly string[];
    template: string;
    trainImages: number;
    testImages: number;
    fingerprint: string;
  }[];
  /** Absent where there are none. */
  holdOuts?: HoldOutRecord[];
  reference?: ReferenceRecord;
  startedAt: string;
  finishedAt: string | null;
  durationSeconds: number;
  peakResidentBytes: number;
  /** Highest memory of each phase. */
  memory: Partial<Record<Phase, PeakMemory>>;
  trainableParameters: number;
  totalParameters: number;
}

/** A dataset that is tested on but never trained on; `fingerprint` is that of its test images. */
export interface HoldOutRecord {
  name: string;
  classes: readonly string[];
  template: string;
  testImages: number;
  fingerprint: string;
}

/** Images and texts that belong to no task, which the method could distil on: how many, and their SHA-256. */
export interface ReferenceRecord {
  name: string;
  images: number;
  texts: number;
  fingerprint: string;
}

/** A few-shot draw; a file of its own, because of the many names. */
export type SampleRecord = Omit<FewShotSample, "indices">;

export interface RankRecord {
  rank: number;
  modules: { name: string; encoder: string; layer: number; target: string }[];
  tasks: { dataset: string; active: readonly number[] }[];
}

/** How much a task changed every adapted matrix: one file per task. */
export interface ChangeRecord {
  dataset: string;
  /** Of the adapters before pruning. */
  rank: number;
  modules: readonly ModuleUpdate[];
}

const methodPrefix = "method:"; // no published parameter has a colon in its name

/**
 * The files of a run. Each is written under a temporary name and renamed, so that a run that is killed at any moment can go on from what is on
 * disk. The order matters: a task's ranks and adapter first, then its checkpoint, then the older one goes, then its row of the matrix comes.
 */
export class RunDirectory {
  constructor(readonly path: string) {}

  exists(): boolean {
    return existsSync(join(this.path, "run.json"));
  }

  readRecord(): RunRecord {
    return this.#readJson("run.json") as RunRecord;
  }

  writeRecord(record: RunRecord): void {
    writeJsonAtomically(join(this.path, "run.json"), record);
  }

  /** Writes which training images were drawn, dataset by dataset: `samples.json`. */
  writeSamples(samples: Readonly<Record<string, SampleRecord>>): void {
    writeJsonAtomically(join(this.path, "samples.json"), samples);
  }

  /** The rows so far; `undefined` before the first evaluation. */
  readMatrix(): AccuracyMatrix | undefined {
    if (!existsSync(join(this.path, "matrix.json"))) return undefined;
    return parseAccuracyMatrix(this.#readJson("matrix.json"), {
      source: join(this.path, "matrix.json"),
      unit: "fraction",
    });
  }

  /** The same bytes whether the run was interrupted or not. */
  writeMatrix({ datasets, matrix, zeroShot, holdOuts }: AccuracyMatrix): void {
    writeJsonAtomically(join(this.path, "matrix.json"), { datasets, matrix, zeroShot, holdOuts });
  }

  /** Appends one line; the file may end in a part of a line when the process is killed, which readers skip. */
  appendEvent(event: RunEvent): void {
    appendFileSync(
      join(this.path, "events.jsonl"),
      `${JSON.stringify({ time: new Date().toISOString(), ...event })}\n`,
    );
  }

  /** Removes the events of tasks that will be done again, or only those of one kind, so that no step stands twice. */
  dropEventsFrom(task: number, kind?: string): void {
    const path = join(this.path, "events.jsonl");
    if (!existsSync(path)) return;
    const kept = readFileSync(path, "utf8")
      .split("\n")
      .filter((line) => {
        const event = parseEvent(line);
        if (event === undefined) return false;
        const isDoneAgain = event.task !== undefined && event.task >= task;
        return !isDoneAgain || (kind !== undefined && event.kind !== kind);
      });
    writeFileAtomically(path, kept.map((line) => `${line}\n`).join(""));
  }

  /** Adds the ranks of a task, replacing what an interrupted attempt at it left. */
  recordRanks(
    task: number,
    dataset: string,
    rank: number,
    modules: readonly LoraModule[],
    active: readonly number[],
  ): void {
    const path = join(this.path, "ranks.json");
    const before = existsSync(path) ? (this.#readJson("ranks.json") as RankRecord).tasks : [];
    const described = modules.map(({ name, encoder, layer, target }) => ({ name, encoder, layer, target }));
    const record: RankRecord = {
      rank,
      modules: described,
      tasks: [...before.slice(0, task), { dataset, active }],
    };
    writeJsonAtomically(path, record);
  }

  /** Writes the low-rank updates of a task in PEFT's layout, replacing what interrupted attempts at it left. */
  recordUpdates(task: number, updates: LowRankUpdates): void {
    const earlier = Array.from({ length: task }, (_, t) => `task-${t}`);
    removeOthers(join(this.path, "adapters"), earlier);
    saveAdapter(updates, this.#adapter(task));
  }

  hasUpdates(task: number): boolean {
    return existsSync(this.#adapter(task));
  }

  /**
   * The low-rank updates of a task: views of the memory-mapped file.
   * @throws if there are none: the task is not finished, or the method changes weights in another way
   */
  readUpdates(task: number): LowRankUpdates {
    const path = this.#adapter(task);
    if (this.hasUpdates(task)) return loadAdapter(path);
    throw new Error(
      `${path} is missing: expected the adapter of a finished task. Only methods such as codyra and lora keep one for every task; ` +
        "of the others there is the model after the last task.",
    );
  }

  /** Writes how large the updates of a task are: `changes/task-0.json`. */
  recordChanges(task: number, changes: ChangeRecord): void {
    writeJsonAtomically(join(this.path, "changes", `task-${task}.json`), changes);
  }

  hasCheckpoint(task: number): boolean {
    return existsSync(this.#checkpoint(task));
  }

  /** Saves the model and the method as they are after a task. */
  saveCheckpoint(task: number, model: ClipModel, method: ContinualMethod): void {
    mkdirSync(join(this.path, "checkpoints"), { recursive: true });
    torch.scope(() => {
      const { tensors, data } = method.state();
      const own = Array.from(tensors, ([name, tensor]) => [methodPrefix + name, tensor] as const);
      const metadata = { format: "pt", method: method.name, data: JSON.stringify(data) };
      torch.safetensors.save(this.#checkpoint(task), [...model.stateDict(), ...own], metadata);
    });
  }

  /** @throws if the checkpoint is missing, damaged, or of another model */
  loadCheckpoint(task: number, model: ClipModel, method?: ContinualMethod): void {
    torch.scope(() => {
      const { weights, state } = this.#readCheckpoint(task);
      loadStateDict(model, weights, this.#checkpoint(task));
      method?.loadState(state);
    });
  }

  /** What the method kept after a task: views of the memory-mapped file. @throws if the checkpoint is missing or damaged */
  readMethodState(task: number): MethodState {
    return this.#readCheckpoint(task).state;
  }

  /**
   * Makes a model what it was after a task: reads the checkpoint, or where that is gone adds up the updates of all tasks so far.
   * @param model the model that the run started from
   * @throws if there is neither
   */
  restoreModel(task: number, model: ClipModel): void {
    if (this.hasCheckpoint(task)) {
      this.loadCheckpoint(task, model);
      return;
    }
    torch.scope(() => {
      const updates = Array.from({ length: task + 1 }, (_, t) => this.readUpdates(t));
      for (const update of updates) applyUpdates(model, update);
    });
  }

  /** Removes all checkpoints but that of one task. */
  keepOnlyCheckpoint(task: number): void {
    removeOthers(join(this.path, "checkpoints"), [`task-${task}.safetensors`]);
  }

  #readCheckpoint(task: number): { weights: Map<string, torch.Tensor>; state: MethodState } {
    const { tensors, metadata } = torch.safetensors.load(this.#checkpoint(task));
    const isOwn = (key: string): boolean => key.startsWith(methodPrefix);
    const entries = Array.from(tensors);
    const own = entries.flatMap(([key, tensor]) =>
      isOwn(key) ? [[key.slice(methodPrefix.length), tensor] as const] : [],
    );
    return {
      weights: new Map(entries.filter(([key]) => !isOwn(key))),
      state: { tensors: new Map(own), data: JSON.parse(metadata.data ?? "{}") as MethodState["data"] },
    };
  }

  #adapter(task: number): string {
    return join(this.path, "adapters", `task-${task}`);
  }

  #checkpoint(task: number): string {
    return join(this.path, "checkpoints", `task-${task}.safetensors`);
  }

  #readJson(name: string): unknown {
    const path = join(this.path, name);
    try {
      return JSON.parse(readFileSync(path, "utf8"));
    } catch (cause) {
      throw new Error(
        `${path}: expected JSON: ${(cause as Error).message}. Start the run again in another directory.`,
        { cause },
      );
    }
  }
}

function removeOthers(folder: string, kept: readonly string[]): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    if (!kept.includes(name)) rmSync(join(folder, name), { recursive: true });
  }
}

/** An event; `undefined` for the last line where it was cut off when the process was killed. */
function parseEvent(line: string): { kind?: string; task?: number } | undefined {
  try {
    return JSON.parse(line) as { kind?: string; task?: number };
  } catch {
    return undefined;
  }
}
