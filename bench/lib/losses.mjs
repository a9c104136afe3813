const tolerances = { float32: 1e-3, bfloat16: 2e-2 };

/**
 * Compares the losses of two contenders: in float32 those of every step. Only the first loss counts in
 * bfloat16, whose rounding grows from step to step, and where one has no importance weights.
 * @returns a line that says so
 * @throws if they differ
 */
export function checkLosses({ size, peer }, codyra, other, measured) {
  if (peer === undefined) return [];
  const precisions = [codyra, other].map((name) => name.split(" ")[1]);
  const isExact = precisions.every((precision) => precision === "float32");
  const tolerance = isExact ? tolerances.float32 : tolerances.bfloat16;
  const steps = isExact && peer !== "peft" ? measured[codyra].losses.length : 1;
  const pairs = measured[codyra].losses.slice(0, steps).map((loss, i) => [loss, measured[other].losses[i]]);
  const differences = pairs.map(([ours, theirs]) => Math.abs(ours - theirs) / Math.abs(theirs));
  const wrong = differences.findIndex((difference) => !(difference <= tolerance));
  if (wrong >= 0) {
    const [ours, theirs] = pairs[wrong];
    throw new Error(
      `${size}: the losses of step ${wrong + 1} differ: expected ${theirs} as of ${other}, got ${ours} of ${codyra}. ` +
        "The contenders do not compute the same, so their times are not compared.",
    );
  }
  const most = Math.max(...differences).toExponential(1);
  return [`${size}: losses of ${codyra} and ${other} differ by ${most} at most over ${steps} steps.`];
}
