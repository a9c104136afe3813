import { checkOptions } from "../options/index.js";
import type { AccuracyMatrix } from "../records/index.js";
import * as torch from "../torch/index.js";
import { checkParallel } from "./check-parallel.js";
import { checkStream } from "./check-stream.js";
import { withClaim } from "./claim.js";
import { type RunOptions, runOptionKeys } from "./run-options.js";
import { StreamRun } from "./stream-run.js";

/**
 * Runs a method over a stream of tasks: zero-shot evaluation, then for each task training and evaluation on
 * all datasets and hold-outs. Everything is on disk after each task: a run that was stopped at any moment
 * goes on with `resume` and ends in the same matrix. The method is disposed of at the end.
 *
 * In a group of processes, `torch.distributed`, all call this with the same options: they compute together,
 * and the first one alone writes. The matrix is that of one process.
 * @returns the accuracy matrix
 * @throws if the directory holds another run or is in use by another process, the loss is not finite, or the
 * run is aborted
 */
export async function run(options: RunOptions): Promise<AccuracyMatrix> {
  checkOptions(options, runOptionKeys, "protocol.run");
  try {
    checkStream(options);
    checkParallel(options.method);
    const attempt = async (): Promise<AccuracyMatrix> => {
      using stream = new StreamRun(options);
      return await stream.finish();
    };
    if (torch.distributed.rank() > 0) return await attempt(); // the first process has the directory
    return await withClaim(options.directory, attempt, options.signal);
  } finally {
    options.method.dispose?.();
  }
}
