import { expect, it } from "vitest";
import { runRanks } from "../../torch/distributed/ranks.js";

interface Errors {
  /** Largest difference from the gradient of one process, relative to its largest element. */
  readonly gathered: number;
  readonly mean: number;
}

it("the sum over gathered features is the gradient of one process, a mean of the shards' losses is not", {
  timeout: 60_000,
}, async () => {
  for (const byLoss of await runRanks<Record<string, Errors>>("../../../methods/shared/gradients.mjs", 2)) {
    expect(Object.keys(byLoss)).toEqual(["symmetric", "released", "image-to-text"]);
    for (const { gathered } of Object.values(byLoss)) expect(gathered).toBeLessThan(1e-5);
    expect(byLoss.symmetric?.mean).toBeGreaterThan(0.05);
    expect(byLoss.released?.mean).toBeGreaterThan(0.05);
  }
});
