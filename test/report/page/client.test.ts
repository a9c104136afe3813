import { describe, expect, it } from "vitest";
import { bytes, duration, percent, signed } from "../../../lib/report/page/client/format.js";
import { matrixSpread, spread, ticks } from "../../../lib/report/page/client/statistics.js";
import { placeTip } from "../../../lib/report/page/client/tip.js";

describe("spread", () => {
  it("is the mean and the sample's standard deviation of what is known", () => {
    expect(spread([2, 4, null, 9, undefined])).toEqual({ mean: 5, deviation: Math.sqrt(13) });
    expect(spread([3])).toEqual({ mean: 3, deviation: null });
    expect(spread([null])).toEqual({ mean: null, deviation: null });
  });
});

describe("matrixSpread", () => {
  it("averages the seeds that have come that far", () => {
    const { zeroShot, matrix } = matrixSpread([
      {
        zeroShot: [0.25, 0.5],
        matrix: [
          [0.5, 0.25],
          [0.25, 0.75],
        ],
      },
      { zeroShot: [0.75, 0.5], matrix: [[1, 0.75]] },
    ]);
    expect(zeroShot?.map(({ mean }) => mean)).toEqual([0.5, 0.5]);
    expect(matrix.map((row) => row.map(({ mean }) => mean))).toEqual([
      [0.75, 0.5],
      [0.25, 0.75],
    ]);
    expect(matrixSpread([])).toEqual({ zeroShot: null, matrix: [] });
  });
});

describe("ticks", () => {
  it("are round and inside the range", () => {
    expect(ticks([0, 1], 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(ticks([0.3, 4.4], 5)).toEqual([1, 2, 3, 4]);
    expect(ticks([0, 700], 5)).toEqual([0, 200, 400, 600]);
    expect(ticks([2, 2], 5)).toEqual([2]);
  });
});

describe("numbers on the page", () => {
  it("are rounded, with a true minus sign", () => {
    expect([0.12345, -0.2, -0.0001, null].map(percent)).toEqual(["12.3", "−20.0", "0.0", "–"]);
    expect([0.1, -0.2, 0.0001, null].map(signed)).toEqual(["+10.0", "−20.0", "0.0", "–"]);
    expect([0.26, 75, 3661].map(duration)).toEqual([
      "0.3\u00a0s",
      "1\u00a0min\u00a015\u00a0s",
      "1\u00a0h\u00a01\u00a0min\u00a01\u00a0s",
    ]);
    expect([3 * 2 ** 20, 2.5 * 2 ** 30].map(bytes)).toEqual(["3\u00a0MiB", "2.50\u00a0GiB"]);
  });
});

describe("placeTip", () => {
  const screen = { width: 400, height: 300 };
  const at = (left: number, top: number, width = 20, height = 20) =>
    ({ left, top, width, height, right: left + width, bottom: top + height }) as DOMRectReadOnly;

  it("is centred above, and below where there is no room above", () => {
    expect(placeTip(at(190, 150), { width: 100, height: 50 }, screen)).toEqual({ left: 150, top: 92 });
    expect(placeTip(at(190, 20), { width: 100, height: 50 }, screen)).toEqual({ left: 150, top: 48 });
    expect(placeTip(at(0, 150), { width: 100, height: 50 }, screen).left).toBe(8);
    expect(placeTip(at(380, 150), { width: 100, height: 50 }, screen).left).toBe(292);
  });

  it("is beside what is too tall for either, and in the window", () => {
    const tall = { width: 100, height: 200 };
    expect(placeTip(at(100, 60, 0, 180), tall, screen)).toEqual({ left: 108, top: 60 });
    expect(placeTip(at(390, 150, 0, 100), tall, screen)).toEqual({ left: 282, top: 92 });
  });
});
