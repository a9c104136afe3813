import { curve, line, type Point, polyline } from "../svg.js";
import type { ConceptGroup, Draw } from "./concept.js";

type Stroke = { readonly points: readonly Point[]; readonly straight?: boolean };

const round = (x: number, y: number, rx: number, ry: number): Stroke => ({
  points: [
    [x, y - ry],
    [x - rx * 0.75, y - ry * 0.7],
    [x - rx, y],
    [x - rx * 0.75, y + ry * 0.7],
    [x, y + ry],
    [x + rx * 0.75, y + ry * 0.7],
    [x + rx, y],
    [x + rx * 0.75, y - ry * 0.7],
    [x, y - ry],
  ],
});

const curved = (...points: Point[]): Stroke => ({ points });
const straight = (...points: Point[]): Stroke => ({ points, straight: true });

const strokes: Readonly<Record<string, readonly Stroke[]>> = {
  zero: [round(0, 0, 25, 40)],
  one: [straight([-16, -24], [3, -40], [3, 40])],
  two: [
    curved([-24, -22], [-10, -39], [14, -37], [23, -19], [8, 6], [-25, 40]),
    straight([-25, 40], [27, 40]),
  ],
  three: [
    curved([-22, -34], [2, -42], [21, -26], [10, -7], [-6, -3]),
    curved([-6, -3], [19, 5], [24, 24], [5, 42], [-24, 33]),
  ],
  four: [straight([8, -40], [-27, 14], [29, 14]), straight([12, -8], [12, 42])],
  five: [
    straight([23, -40], [-18, -40], [-21, -5]),
    curved([-21, -5], [5, -13], [24, 8], [17, 33], [-5, 42], [-25, 32]),
  ],
  six: [curved([17, -41], [-12, -18], [-24, 12], [-13, 37], [10, 41], [24, 22], [12, 1], [-9, 3], [-22, 18])],
  seven: [straight([-26, -40], [27, -40]), curved([27, -40], [3, 0], [-8, 42])],
  eight: [round(0, -20, 18, 19), round(0, 20, 23, 21)],
  nine: [round(-1, -18, 21, 21), curved([20, -18], [19, 10], [3, 42])],
};

const handwritten =
  (digit: readonly Stroke[]): Draw =>
  (random, { ink }) => {
    const width = random.uniform(7, 15);
    const slant = random.uniform(-0.25, 0.15);
    const wobble = ([x, y]: Point): Point => [
      x - slant * y + random.uniform(-4, 4),
      y + random.uniform(-4, 4),
    ];
    return digit
      .map(({ points, straight }) => {
        const moved = points.map(wobble);
        return line(straight ? polyline(moved) : curve(moved), ink, width);
      })
      .join("");
  };

export const digits: ConceptGroup = {
  kind: "digit",
  phrase: "number {}",
  colourable: true,
  concepts: Object.fromEntries(Object.entries(strokes).map(([name, digit]) => [name, handwritten(digit)])),
};
