import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";

/** Some rows of a set, from `from` up to but without `to`. */
export interface Stretch {
  /** `[rows of the whole set, D]`, of which only the stretch is filled. */
  readonly rows: Tensor;
  readonly from: number;
  readonly to: number;
}

/**
 * A whole set of which each process has a stretch, on the first process. All processes call it. One process
 * simply has it.
 * @param own `undefined` where a process has none
 * @param total rows of the whole set
 * @returns `[total, D]`; `undefined` on the other processes, and where rows are missing
 */
export function gatherStretches(own: Stretch | undefined, total: number): Tensor | undefined {
  const { distributed } = torch;
  const { from = 0, to = 0, rows } = own ?? {};
  if (distributed.worldSize() === 1) return to - from === total ? rows : undefined;
  const all = distributed.allGatherObjects({ from, to, width: rows?.size(1), dtype: rows?.dtype });
  const { width, dtype } = all.find((each) => each.to > each.from) ?? {};
  if (width === undefined || all.reduce((sum, each) => sum + each.to - each.from, 0) !== total)
    return undefined;
  const longest = Math.max(...all.map((each) => each.to - each.from));
  return torch.noGrad(() =>
    torch.scope(() => {
      const padded = torch.zeros([longest, width], { dtype });
      if (rows !== undefined) padded.narrow(0, 0, to - from).copy_(rows.narrow(0, from, to - from));
      const gathered = distributed.allGather(padded);
      if (distributed.rank() > 0) return undefined;
      const whole = torch.empty([total, width], { dtype });
      for (const [rank, each] of all.entries()) {
        const count = each.to - each.from;
        whole.narrow(0, each.from, count).copy_(gathered.narrow(0, rank * longest, count));
      }
      return whole;
    }),
  );
}
