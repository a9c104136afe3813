import { checkOptions } from "../../options/index.js";
/**
 * Cosine decay after a linear warm-up: `lr_i = lr · (i + 1) / warmup` for `i < warmup`, then `min + ½ (lr −
 * min) (1 + cos(π (i − warmup) / (total − warmup)))`. SGDR, arXiv:1608.03983, eq. 5, without restarts.
 * @param options `minimum`: where the decay ends, default 0
 * @returns the learning rate of step `i`, `0 ≤ i ≤ total`; at `total` the decay is over
 */
export function cosineSchedule(options: {
  learningRate: number;
  total: number;
  warmup?: number;
  minimum?: number;
}): (step: number) => number {
  checkOptions(options, { learningRate: true, total: true, warmup: true, minimum: true }, "cosineSchedule");
  const { learningRate, total, warmup = 0, minimum = 0 } = options;
  if (!(warmup >= 0 && warmup < total)) {
    throw new RangeError(
      `cosineSchedule: expected 0 ≤ warmup < total, got warmup ${warmup} and total ${total}.`,
    );
  }
  return (step) =>
    step < warmup
      ? (learningRate * (step + 1)) / warmup
      : minimum + (learningRate - minimum) * falling((step - warmup) / (total - warmup));
}

/**
 * The one-cycle policy with cosine phases. The learning rate rises from `lr / 25` to `lr` in the first 30 %
 * of the steps and then falls to `lr / 250,000`. β₁ falls from 0.95 to 0.85 meanwhile and rises again.
 * Super-Convergence, arXiv:1708.07120; the defaults and rounding are those of PyTorch's `OneCycleLR`.
 * @returns the learning rate and β₁ of step `i`, `0 ≤ i < total`
 */
export function oneCycleSchedule(options: {
  learningRate: number;
  total: number;
}): (step: number) => { learningRate: number; beta1: number } {
  checkOptions(options, { learningRate: true, total: true }, "oneCycleSchedule");
  const { learningRate, total } = options;
  if (!(total >= 1))
    throw new RangeError(`oneCycleSchedule: expected a total of 1 step or more, got ${total}.`);
  const [first, last] = [learningRate / 25, learningRate / 25e4];
  const peak = 0.3 * total - 1; // may lie between two steps
  return (step) => {
    const rising = step <= peak;
    const down = falling(rising ? step / peak : (step - peak) / (total - 1 - peak)); // from 1 to 0 in each phase
    return rising
      ? { learningRate: learningRate + (first - learningRate) * down, beta1: 0.85 + 0.1 * down }
      : { learningRate: last + (learningRate - last) * down, beta1: 0.95 - 0.1 * down };
  };
}

/** Half a cosine, from 1 at 0 to 0 at 1. */
function falling(progress: number): number {
  return (1 + Math.cos(Math.PI * progress)) / 2;
}
