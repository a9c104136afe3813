import type { BatchSize } from "../options/index.js";
import * as torch from "../torch/index.js";

/**
 * The batch size of an evaluation. With `auto` it begins high, and is halved whenever memory does not
 * suffice.
 */
export class AdaptiveBatchSize {
  current: number;

  constructor(
    readonly given: BatchSize,
    device: torch.Device,
  ) {
    // Larger ones are no faster. A processor has no other answer to a lack of memory than to end the process.
    const highest = device.startsWith("cuda") ? 1024 : 128;
    this.current = given === "auto" ? highest : given;
  }

  /**
   * Whether there was memory for a pass of the current size. If not, the size is halved.
   * @throws any other error of the pass
   */
  fits(pass: () => void): boolean {
    try {
      pass();
      return true;
    } catch (error) {
      if (this.given !== "auto" || this.current === 1 || !isOutOfMemory(error)) throw error;
      this.current = Math.ceil(this.current / 2);
      torch.cuda.emptyCache();
      return false;
    }
  }
}

/** Errors of CUDA's allocator, or of libtorch's own for the CPU. */
function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && /out of memory|can't allocate memory/i.test(error.message);
}
