/**
 * Cosine decay to zero after a linear warm-up: `lr_i = lr · (i + 1) / warmup` for `i < warmup`, then
 * `½ lr (1 + cos(π (i − warmup) / (total − warmup)))`. SGDR, arXiv:1608.03983, eq. 5, without restarts.
 * @returns the learning rate of step `i`, `0 ≤ i < total`
 */
export function cosineSchedule(options: {
  learningRate: number;
  total: number;
  warmup?: number;
}): (step: number) => number {
  const { learningRate, total, warmup = 0 } = options;
  if (!(warmup >= 0 && warmup < total)) {
    throw new RangeError(
      `cosineSchedule: expected 0 ≤ warmup < total, got warmup ${warmup} and total ${total}.`,
    );
  }
  return (step) =>
    step < warmup
      ? (learningRate * (step + 1)) / warmup
      : (learningRate * (1 + Math.cos((Math.PI * (step - warmup)) / (total - warmup)))) / 2;
}
