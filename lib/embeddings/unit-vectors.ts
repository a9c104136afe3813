import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";

/** Rounding of float32 is far below this; files of other programs may have been rounded to less. */
const tolerance = 1e-2;
const rowsPerPass = 65_536;

/**
 * Checks that rows are unit vectors, as all that were embedded are. A damaged row mostly is longer, or no
 * number, and would be the nearest one to every query.
 * @param vectors float32 `[n, D]`   @param path the file they come from
 * @throws if one is of another length, naming the first; the vectors are disposed of then
 */
export function checkUnit(vectors: Tensor, path: string): void {
  const rows = vectors.size(0);
  for (let start = 0; start < rows; start += rowsPerPass) {
    const lengths = torch.noGrad(() =>
      torch.scope(() => {
        const part = vectors.narrow(0, start, Math.min(rowsPerPass, rows - start));
        return torch.linalgVectorNorm(part, { dim: [1] }).toTypedArray() as Float32Array;
      }),
    );
    const wrong = lengths.findIndex((length) => !(Math.abs(length - 1) <= tolerance)); // NaN is wrong, too
    if (wrong < 0) continue;
    vectors.dispose();
    throw new Error(
      `${path}: expected vectors of length 1, as codyra embed writes them, got ${lengths[wrong]?.toPrecision(3)} in row ` +
        `${start + wrong}. The file is damaged: embed again.`,
    );
  }
}
