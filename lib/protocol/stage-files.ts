import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { MethodState } from "../methods/index.js";
import * as torch from "../torch/index.js";

const version = "1";
const stageSchema = z.object({
  name: z.string(),
  total: z.int().nonnegative(),
  done: z.int().nonnegative(),
  /** Spent on the task until then, in all attempts. */
  seconds: z.number().nonnegative(),
  /** Events that the stage logged, as they stand in `events.jsonl`. */
  events: z.array(z.looseObject({ kind: z.string(), time: z.string() })),
  data: z.record(z.string(), z.unknown()),
  identity: z.record(z.string(), z.unknown()),
});

/** A stage of a task as it was at some moment, but for its tensors. */
export type SavedStage = z.infer<typeof stageSchema>;

/** The store for states of stages. */
export type StageStore = Pick<StageFiles, "read" | "write" | "close">;

/**
 * States of the stages of a task in progress, a file each: safetensors with a checksum. They are there until
 * the task has its checkpoint.
 */
export class StageFiles {
  readonly #background = new torch.BackgroundFiles();

  constructor(readonly folder: string) {}

  /**
   * Reads a stage, its tensors as views of the file.
   * @returns `undefined` where there is none
   * @throws if the file is damaged, or of another version
   */
  read(index: number): { stage: SavedStage; state: MethodState } | undefined {
    const path = this.#path(index);
    if (!existsSync(path)) return undefined;
    const { tensors, metadata } = torch.safetensors.load(path);
    if (metadata.version !== version) {
      throw new Error(`${path}: expected a state of version ${version}, got ${metadata.version}.`);
    }
    const stage = stageSchema.parse(JSON.parse(metadata.stage ?? "null"));
    return { stage, state: { tensors, data: stage.data } };
  }

  /**
   * Writes a stage while other work goes on; its tensors are copied at once.
   * @returns when it is on the disk
   */
  write(index: number, stage: SavedStage, tensors: MethodState["tensors"]): Promise<void> {
    mkdirSync(this.folder, { recursive: true });
    const metadata = { format: "codyra stage", version, stage: JSON.stringify(stage) };
    return torch.safetensors.saveInBackground(this.#background, this.#path(index), tensors, metadata);
  }

  /** Waits for what is being written. */
  close(): Promise<void> {
    return this.#background.close();
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #path(index: number): string {
    return join(this.folder, `${index}.safetensors`);
  }
}
