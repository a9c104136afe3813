import { describe, expect, it } from "vitest";
import { computeMetrics } from "../../../lib/records/index.js";
import { printedTables } from "../../../lib/report/index.js";

const printed = printedTables();
const streams = [
  { table: "Table 1", ...printed["x-tail"] },
  { table: "Table 2", ...printed.mtil },
];
/** Half of the last digit: printed values are rounded to a tenth. */
const rounding = 0.05;

/**
 * The mean of every accuracy between learning a dataset and the last task that the printed Average leaves.
 */
function implied(transfer: number, average: number, last: number, j: number, T: number): number {
  return (T * average - j * transfer - last) / (T - 1 - j);
}

/**
 * An accuracy matrix with the printed Transfer, Average and Last of each dataset: constant before, constant
 * while, and after.
 */
function impliedMatrix(
  method: string,
  { datasets, transfer, average, last }: (typeof streams)[number],
): number[][] {
  const T = datasets.length;
  return datasets.map((_, t) =>
    datasets.map((_, j) => {
      const [before = 0, all = 0, after = 0] = [transfer, average, last].map((rows) => rows[method]?.[j]);
      if (t === T - 1) return after;
      return t < j ? before : implied(before, all, after, j, T);
    }),
  );
}

describe.each(streams)("$table", (stream) => {
  const { table, datasets, transfer, average, last, zeroShot } = stream;
  const T = datasets.length;
  const trained = Object.keys(average);

  it("has a value for every dataset, and the mean", () => {
    for (const rows of [transfer, average, last]) {
      for (const row of Object.values(rows)) expect(row).toHaveLength(T + 1);
    }
    expect(trained).toEqual(Object.keys(last));
    expect(["zero-shot", ...trained]).toEqual(Object.keys(transfer));
  });

  it("the metrics of the matrices that rows imply are the printed means, but for three misprints", () => {
    const wrong = trained.flatMap((method) => {
      const matrix = impliedMatrix(method, stream);
      const metrics = computeMetrics({ datasets, matrix });
      return (["transfer", "average", "last"] as const).flatMap((name) => {
        const overall = metrics[name].overall as number;
        // The last dataset is constant until its task: its Average follows from the others, within their
        // rounding.
        const tolerance = name === "average" ? rounding + 0.15 / T : rounding;
        const mean = stream[name][method]?.[T] as number;
        return Math.abs(overall - mean) > tolerance + 1e-9
          ? [`${name} of ${method}: ${overall.toFixed(2)}, printed ${mean}`]
          : [];
      });
    });
    expect(wrong).toEqual(
      table === "Table 1"
        ? []
        : [
            "last of wise-ft: 71.84, printed 71.9",
            "transfer of codyra: 70.05, printed 69.9",
            "transfer of codyra-routed: 70.05, printed 69.9",
          ],
    );
  });

  it("accuracies between learning a dataset and the end, as implied, are percentages", () => {
    for (const method of trained) {
      for (const value of impliedMatrix(method, stream).flat()) {
        expect(value).toBeGreaterThan(0);
        expect(value).toBeLessThan(100);
      }
    }
  });

  it("Average of the last dataset is that of Transfer before and Last after its task, but for two misprints", () => {
    const wrong = trained.filter((method) => {
      const [before, all, after] = [transfer, average, last].map((rows) => rows[method]?.[T - 1] as number);
      return Math.abs(((T - 1) * before! + after!) / T - all!) > 2 * rounding - 0.02;
    });
    expect(wrong).toEqual(table === "Table 1" ? ["codyra-routed"] : ["lwf"]);
  });

  it("the routed variant forgets nothing: its matrix is constant from each task on, but for EuroSAT in Table 1", () => {
    const [before, all, after] = [transfer, average, last].map((rows) => rows["codyra-routed"] as number[]);
    const matrix = datasets.map((_, t) => datasets.map((_, j) => (t < j ? before![j]! : after![j]!)));
    const { columns } = computeMetrics({ datasets, matrix }).average;
    const wrong = datasets.filter(
      (_, j) => Math.abs((columns[j] as number) - (all![j] as number)) > 2 * rounding + 0.005,
    );
    expect(wrong).toEqual(table === "Table 1" ? ["eurosat"] : []);
    expect(before).toEqual(transfer.codyra);
  });

  it("zero-shot accuracy is Transfer from the second dataset on, but for MNIST in Table 2", () => {
    const different = datasets.filter((_, j) => j > 0 && transfer["zero-shot"]?.[j] !== zeroShot[j]);
    expect(different).toEqual(table === "Table 1" ? [] : ["mnist"]);
    expect(transfer["rail-primal"]).toEqual(transfer["zero-shot"]);
    const matrix = datasets.map(() => zeroShot.slice(0, T) as number[]);
    const metrics = computeMetrics({ datasets, matrix });
    expect(metrics.last.overall).toBeCloseTo(zeroShot[T] as number, 1);
    expect(
      Math.abs((metrics.transfer.overall as number) - (transfer["zero-shot"]?.[T] as number)),
    ).toBeLessThan(rounding);
  });
});

it("LwF in Table 1 has the Last of iCaRL, which its own Average contradicts", () => {
  const { datasets, transfer, average, last } = printed["x-tail"];
  expect(last.lwf).toEqual(last.icarl);
  const [T, j] = [datasets.length, datasets.indexOf("stanford_cars")];
  /** Accuracy right after the last task but one, the only one between: what one more task takes from it. */
  const lost = (method: string) => {
    const [before, all, after] = [transfer, average, last].map((rows) => rows[method]?.[j] as number);
    return implied(before!, all!, after!, j, T) - after!;
  };
  expect(lost("icarl")).toBeLessThan(3);
  expect(lost("lwf")).toBeGreaterThan(15);
});

it("Table 3 prints the means of its rows", () => {
  for (const row of Object.values(printed.holdOuts.transfer)) {
    const values = row.slice(0, 3) as number[];
    expect(values.reduce((sum, value) => sum + value, 0) / 3).toBeCloseTo(row[3] as number, 2);
  }
});

it("Table 5 repeats the RAIL rows of Table 1", () => {
  const { transfer, average, last } = printed["x-tail"];
  expect(printed.overall["rail-primal"]).toEqual(
    [transfer, average, last].map((rows) => rows["rail-primal"]?.at(-1)),
  );
});

it("RAIL on the updated encoder transfers as CoDyRA does, but for the rounding of one digit", () => {
  const [first, second] = ["codyra+rail-primal", "codyra+rail-dual"].map(
    (name) => printed.overall[name]?.[0],
  );
  expect(first).toBe(second);
  expect(printed["x-tail"].transfer.codyra?.at(-1)).toBeCloseTo(first! + 0.1, 9); // 63.2, and 63.1 in Table 5
});
