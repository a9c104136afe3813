import { describe, expect, it } from "vitest";
import { computeMetrics, isComplete } from "../../lib/protocol/metrics.js";
import { describeRun, describeRuns, type Run } from "../../lib/report/index.js";

function run(matrix: number[][], zeroShot?: number[], trainableParameters = 1): Run {
  const accuracy = { datasets: ["digits", "flags"], matrix, zeroShot };
  const metrics = isComplete(accuracy) ? computeMetrics(accuracy) : undefined;
  return { accuracy, metrics, info: { trainableParameters } } as Run;
}

const zeroShot = [0.4, 0.5];
const careful = run(
  [
    [0.9, 0.48],
    [0.89, 0.8],
  ],
  zeroShot,
);
const forgetful = run(
  [
    [0.9, 0.3],
    [0.5, 0.9],
  ],
  zeroShot,
);

describe("describeRun", () => {
  it("states what was gained, forgotten and kept", () => {
    expect(describeRun(careful)).toBe(
      "Ends at 84.5 % on average over 2 datasets, 39.5 points above zero-shot. It forgets 1.0 point of what it " +
        "learned. Before it learns a dataset, it is 2.0 points below zero-shot there.",
    );
  });

  it("words no change and improvement as such", () => {
    expect(
      describeRun(
        run(
          [
            [0.9, 0.5],
            [0.9, 0.8],
          ],
          zeroShot,
        ),
      ),
    ).toMatch(/It forgets nothing it learned\. .* it is as good as zero-shot there\.$/);
    expect(
      describeRun(
        run(
          [
            [0.8, 0.6],
            [0.9, 0.8],
          ],
          zeroShot,
        ),
      ),
    ).toMatch(
      /What it learned improves by a further 10\.0 points\. .* 10\.0 points above zero-shot there\.$/,
    );
  });

  it("leaves out what is not known", () => {
    expect(
      describeRun(
        run([
          [0.9, 0.5],
          [0.9, 0.8],
        ]),
      ),
    ).toBe("Ends at 85.0 % on average over 2 datasets. It forgets nothing it learned.");
    expect(describeRun(run([[0.9, 0.5]], zeroShot))).toBe("Not finished: 1 of 2 datasets learned so far.");
    expect(describeRun(run([zeroShot, zeroShot], zeroShot, 0))).toBe(
      "Nothing is trained: 45.0 % on average over 2 datasets.",
    );
  });
});

describe("describeRuns", () => {
  it("contrasts the best end with the most forgetting", () => {
    expect(describeRuns([forgetful, careful], ["finetune", "codyra"])).toBe(
      "codyra ends highest, at 84.5 % on average, 39.5 points above zero-shot, and forgot 1.0 point. " +
        "finetune forgot 40.0 points.",
    );
  });

  it("describes a single run, and waits for the first to finish", () => {
    expect(describeRuns([careful], ["codyra"])).toBe(describeRun(careful));
    expect(describeRuns([run([]), run([])], ["a", "b"])).toBe("No run has finished yet.");
  });
});
