import { describe, expect, it } from "vitest";
import { computeMetrics, holdOutAccuracy, isComplete } from "../../lib/records/index.js";

const percent = (value: number | undefined) =>
  value === undefined ? undefined : Math.round(value * 1000) / 10;

/** ZSCL on MTIL order I, full-shot: accuracy in percent after each of 11 tasks (`mtil/results/t3_7.npy`). */
const zscl = [
  [55.12, 86.0, 66.33, 44.89, 49.24, 70.56, 88.34, 53.58, 87.38, 61.3, 65.68],
  [48.87, 94.18, 68.55, 44.68, 50.44, 66.97, 87.63, 55.19, 85.01, 61.01, 65.94],
  [47.13, 93.15, 86.2, 46.49, 50.13, 68.84, 87.7, 63.43, 87.6, 60.56, 67.45],
  [47.01, 93.84, 84.99, 76.17, 51.74, 69.95, 87.77, 65.87, 88.39, 61.21, 67.15],
  [46.14, 92.8, 83.97, 75.0, 97.76, 69.08, 87.15, 67.56, 87.98, 60.3, 67.09],
  [43.77, 92.51, 83.21, 73.46, 97.24, 96.34, 87.1, 63.3, 86.48, 58.84, 66.85],
  [44.34, 92.22, 82.89, 71.22, 96.78, 93.76, 92.2, 63.47, 87.27, 60.27, 67.91],
  [41.94, 91.94, 80.48, 67.82, 95.3, 89.51, 91.86, 99.01, 84.38, 58.4, 66.47],
  [41.61, 91.82, 81.32, 68.19, 95.67, 90.73, 91.98, 98.84, 95.28, 58.87, 66.43],
  [39.78, 91.88, 81.82, 68.88, 95.7, 91.62, 91.84, 98.76, 94.47, 85.85, 67.33],
  [40.62, 92.17, 81.29, 70.53, 94.76, 90.49, 91.89, 98.71, 93.87, 85.3, 80.22],
].map((row) => row.map((value) => value / 100));

const stream = (matrix: number[][]) => ({ datasets: matrix[0]?.map((_, j) => `d${j}`) ?? [], matrix });

describe("computeMetrics", () => {
  it("gives the published ZSCL numbers", () => {
    const { transfer, average, last } = computeMetrics(stream(zscl));
    expect(transfer.columns.map(percent)).toEqual([
      undefined,
      ...[86.0, 67.4, 45.4, 50.4, 69.1, 87.6, 61.8, 86.8, 60.1, 66.8],
    ]);
    expect(average.columns.map(percent)).toEqual([
      45.1, 92.0, 80.1, 64.3, 79.5, 81.6, 89.6, 75.2, 88.9, 64.7, 68.0,
    ]);
    expect(last.columns.map(percent)).toEqual([
      40.6, 92.2, 81.3, 70.5, 94.8, 90.5, 91.9, 98.7, 93.9, 85.3, 80.2,
    ]);
    expect([transfer, average, last].map((m) => percent(m.overall))).toEqual([68.1, 75.4, 83.6]);
  });

  it("averages column means, not the pooled upper triangle", () => {
    const metrics = computeMetrics(
      stream([
        [0.5, 0.4, 0.3],
        [0.45, 0.8, 0.36],
        [0.44, 0.76, 0.9],
      ]),
    );
    expect(metrics.transfer.columns[0]).toBeUndefined();
    expect(metrics.transfer.columns[2]).toBeCloseTo(0.33, 12);
    expect(metrics.transfer.overall).toBeCloseTo(0.365, 12); // pooled: 0.353
    expect(metrics.average.overall).toBeCloseTo(0.545556, 6);
    expect(metrics.last.overall).toBeCloseTo(0.7, 12);
    expect(metrics.forgetting.columns[0]).toBeCloseTo(0.06, 12);
    expect(metrics.forgetting.columns[1]).toBeCloseTo(0.04, 12);
    expect(metrics.forgetting.columns[2]).toBeUndefined();
    expect(metrics.forgetting.overall).toBeCloseTo(0.05, 12);
  });

  it("counts an accuracy of zero", () => {
    const matrix = [
      [0.5, 0, 0],
      [0.5, 0.8, 0.5],
      [0.5, 0.8, 0.9],
    ];
    expect(computeMetrics(stream(matrix)).transfer.columns).toEqual([undefined, 0, 0.25]);
  });

  it("ignores zero-shot accuracy, which is not a row", () => {
    const accuracy = stream(zscl);
    expect(computeMetrics({ ...accuracy, zeroShot: accuracy.datasets.map(() => 0) })).toEqual(
      computeMetrics(accuracy),
    );
  });

  it("satisfies Average_T = ((T−1)·Transfer_T + Last_T)/T for the last dataset", () => {
    const { transfer, average, last } = computeMetrics(stream(zscl));
    expect(average.columns[10]).toBeCloseTo(
      (10 * (transfer.columns[10] ?? 0) + (last.columns[10] ?? 0)) / 11,
      12,
    );
  });

  it("defines neither transfer nor forgetting for a single task", () => {
    const metrics = computeMetrics(stream([[0.5]]));
    expect(metrics.transfer).toEqual({ columns: [undefined], overall: undefined });
    expect(metrics.forgetting).toEqual({ columns: [undefined], overall: undefined });
    expect(metrics.last.overall).toBe(0.5);
  });

  it.each([
    [
      "two tasks, the first forgotten",
      [
        [0.9, 0.2],
        [0.1, 0.9],
      ],
      { transfer: 0.2, forgetting: 0.8 },
    ],
    [
      "three, the second forgotten",
      [
        [0.9, 0.1, 0.1],
        [0.9, 0.9, 0.1],
        [0.9, 0.3, 0.9],
      ],
      { transfer: 0.1, forgetting: 0.3 },
    ],
  ])("looks at the task before the last, and ahead only for transfer: %s", (_, matrix, wanted) => {
    const { transfer, forgetting } = computeMetrics(stream(matrix));
    expect(transfer.overall).toBeCloseTo(wanted.transfer, 12);
    expect(forgetting.overall).toBeCloseTo(wanted.forgetting, 12);
  });

  it("refuses a stream that is still running", () => {
    const running = { datasets: ["digits", "flags"], matrix: [[0.5, 0.4]] };
    expect(isComplete(running)).toBe(false);
    expect(() => computeMetrics(running)).toThrow(
      /expected 2 rows, one per dataset \(digits, flags\), got 1/,
    );
  });
});

describe("holdOutAccuracy", () => {
  const holdOuts = {
    datasets: ["cifar100", "places365", "imagenet1k"],
    matrix: [
      [0.7, 0.34, 0.6],
      [0.6, 0.4, 0],
    ],
    zeroShot: [1, 1, 1],
  };

  it("is the mean over the models after every task, without the one before any", () => {
    const { columns, overall } = holdOutAccuracy(holdOuts);
    expect(columns).toHaveLength(3);
    expect(columns[0]).toBeCloseTo(0.65, 12);
    expect(columns[1]).toBeCloseTo(0.37, 12);
    expect(columns[2]).toBeCloseTo(0.3, 12);
    expect(overall).toBeCloseTo(0.44, 12);
  });

  it("changes no metric of the stream", () => {
    const accuracy = stream(zscl);
    expect(computeMetrics({ ...accuracy, holdOuts })).toEqual(computeMetrics(accuracy));
  });
});
