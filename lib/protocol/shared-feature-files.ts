import { defaultTestFeatures } from "../options/index.js";
import * as torch from "../torch/index.js";
import { FeatureFiles } from "./feature-files.js";
import type { FeatureStore } from "./frozen-features.js";
import type { RunOptions } from "./run-options.js";

const { broadcastTensors, rank } = torch.distributed;
const key = "features";

/**
 * Feature files of a run of several processes: the first one writes them, and sends the others what it reads.
 * All processes ask for the same sets in the same order.
 */
export class SharedFeatureFiles extends FeatureFiles {
  override of(task: number): FeatureStore {
    const { device } = this.options;
    const files = super.of(task);
    const isFirst = rank() === 0;
    return {
      read(images) {
        const found = isFirst ? files.read(images) : undefined;
        const sent = broadcastTensors(new Map(found && [[key, found.to({ device: "cpu" })]]));
        return sent.get(key)?.to({ device });
      },
      write(images, features) {
        if (isFirst) files.write(images, features);
      },
    };
  }

  override dropFrom(task: number): void {
    if (rank() === 0) super.dropFrom(task);
  }
}

/**
 * The feature files of a run. It has them only where candidates may change: among its own classes, a dataset
 * is measured once for a model.
 */
export function featureFilesOf(options: RunOptions): FeatureFiles | undefined {
  const maxBytes = (options.testFeatures ?? defaultTestFeatures) * 1e9;
  if (options.protocol !== "x-tail" || maxBytes <= 0) return undefined;
  const { precision, device } = options.model;
  const sets = options.tasks.map(({ test }) => test);
  const Files = torch.distributed.isInitialized() ? SharedFeatureFiles : FeatureFiles;
  return new Files(options.directory, sets, { precision, device, maxBytes });
}
