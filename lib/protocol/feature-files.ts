import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ImageSet } from "../data/index.js";
import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";
import type { FeatureStore } from "./frozen-features.js";

const format = "codyra features";
const version = "1";
const key = "features";

/** Settings of feature files. */
export interface FeatureFilesOptions {
  /** Precision of the encoders: features of another one are not read. */
  readonly precision: string;
  /** The device that reads them. */
  readonly device: torch.Device;
  /** Bytes that all files together may take; what no longer fits is not written. */
  readonly maxBytes: number;
}

/**
 * Features of test images in a run's directory, one file per model and dataset:
 * `features/task-0/dataset-1.safetensors`. They save encoding when candidates change; whatever of them is
 * missing, damaged or of other images is computed again.
 */
export class FeatureFiles {
  readonly #folder: string;

  /** @param sets test images in the order of the datasets */
  constructor(
    directory: string,
    readonly sets: readonly ImageSet[],
    readonly options: FeatureFilesOptions,
  ) {
    this.#folder = join(directory, "features");
  }

  /** Those of the model after a task; −1 is before the first. */
  of(task: number): FeatureStore {
    return {
      read: (images) => this.#read(task, images),
      write: (images, features) => this.#write(task, images, features),
    };
  }

  /** Removes those of models that will be trained again, and what was being written when a process died. */
  dropFrom(task: number): void {
    if (!existsSync(this.#folder)) return;
    for (const path of readdirSync(this.#folder, { recursive: true, encoding: "utf8" })) {
      if (path.endsWith(".tmp")) rmSync(join(this.#folder, path));
    }
    for (const name of readdirSync(this.#folder)) {
      const found = /^task-(\d+)$/.exec(name);
      if (found && Number(found[1]) >= task) rmSync(join(this.#folder, name), { recursive: true });
    }
  }

  #read(task: number, images: ImageSet): Tensor | undefined {
    const path = this.#pathOf(task, images);
    if (path === undefined || !existsSync(path)) return undefined;
    try {
      return torch.scope(() => {
        const { tensors, metadata } = torch.safetensors.load(path);
        const features = tensors.get(key);
        const isWanted = Object.entries(this.#describe(images)).every(
          ([name, value]) => metadata[name] === value,
        );
        return isWanted && features?.size(0) === images.length
          ? features.to({ device: this.options.device })
          : undefined;
      });
    } catch {
      return undefined; // damaged: it is written again
    }
  }

  #write(task: number, images: ImageSet, features: Tensor): void {
    const path = this.#pathOf(task, images);
    if (path === undefined) return;
    const bytes = features.numel() * (features.dtype === "float32" ? 4 : 2);
    if (this.#bytes() + bytes > this.options.maxBytes) return;
    mkdirSync(dirname(path), { recursive: true });
    torch.safetensors.save(path, [[key, features]], this.#describe(images), { checksum: true });
  }

  #describe({ fingerprint }: ImageSet): Record<string, string> {
    return { format, version, precision: this.options.precision, images: fingerprint };
  }

  #bytes(): number {
    if (!existsSync(this.#folder)) return 0;
    const entries = readdirSync(this.#folder, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
  }

  #pathOf(task: number, images: ImageSet): string | undefined {
    const dataset = this.sets.indexOf(images);
    if (dataset < 0) return undefined;
    const model = task < 0 ? "zero-shot" : `task-${task}`;
    return join(this.#folder, model, `dataset-${dataset}.safetensors`);
  }
}
