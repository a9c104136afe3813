import { expect, it } from "vitest";
import { runRanks } from "../../torch/distributed/ranks.js";

interface Trained {
  readonly adapters: readonly number[];
  readonly mean: number;
  readonly reasons: readonly string[];
  /** Parts before the update. */
  readonly steps: number;
}

interface Ways {
  readonly plain: Trained;
  readonly captured: Trained;
  readonly failing: Trained;
  readonly inFlight: number;
}

it("steps captured around their collectives train as one process does, whoever cannot capture", {
  timeout: 120_000,
}, async () => {
  const [one] = (await runRanks<Ways>("../../../methods/shared/captured-steps.mjs", 1)) as [Ways];
  expect(one.captured).toEqual(one.plain);
  expect(one.plain.steps).toBe(2);
  for (const count of [2, 3]) {
    const ranks = await runRanks<Ways>("../../../methods/shared/captured-steps.mjs", count);
    for (const { plain, captured, failing, inFlight } of ranks) {
      expect(captured).toEqual(plain);
      expect({ ...failing, reasons: [] }).toEqual(plain);
      expect(failing.reasons).toEqual(["it waits"]); // on the ranks that could capture as well
      expect({ steps: plain.steps, inFlight }).toEqual({ steps: 4, inFlight: 0 });
      expect(Math.abs(plain.mean - one.plain.mean)).toBeLessThan(1e-5);
      const furthest = plain.adapters.map((value, i) => Math.abs(value - (one.plain.adapters[i] as number)));
      expect(Math.max(...furthest)).toBeLessThan(1e-4);
      expect(plain.adapters).toEqual(ranks[0]?.plain.adapters);
    }
  }
});
