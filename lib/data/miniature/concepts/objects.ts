import { circle, type Point, path, polar, polygon, rect, regularPolygon } from "../svg.js";
import type { ConceptGroup, Draw } from "./concept.js";

const star: Point[] = Array.from({ length: 10 }, (_, i) => polar(i % 2 ? 20 : 47, 36 * i));

const outlines: Readonly<Record<string, string>> = {
  circle: circle(0, 0, 42, {}),
  square: rect(-38, -38, 76, 76, {}),
  triangle: polygon(regularPolygon(3, 48), {}),
  star: polygon(star, {}),
  heart: path("M0 42C-60 4 -44 -40 -18 -36Q-4 -34 0 -18Q4 -34 18 -36C44 -40 60 4 0 42Z", {}),
  cross: path("M-14 -42H14V-14H42V14H14V42H-14V14H-42V-14H-14Z", {}),
  ring: path("M0 -44A44 44 0 1 0 0.1 -44ZM0 -24A24 24 0 1 1 -0.1 -24Z", { "fill-rule": "evenodd" }),
  arrow: path("M-44 -12H6V-34L46 0L6 34V12H-44Z", {}),
  moon: path("M14 -44A44 44 0 1 0 40 26A38 38 0 1 1 14 -44Z", {}),
  hexagon: polygon(regularPolygon(6, 46), {}),
  house: path("M-46 -6L0 -44L46 -6H34V40H8V14H-8V40H-34V-6Z", {}),
  tree: path("M-6 46V24H-38L-12 -4H-26L0 -46L26 -4H12L38 24H6V46Z", {}),
  cloud: path("M-30 26A18 18 0 0 1 -28 -10A24 24 0 0 1 16 -18A20 20 0 0 1 32 26Z", {}),
  apple: path(
    "M0 -22Q36 -38 40 2Q34 44 8 42Q0 38 -8 42Q-34 44 -40 2Q-36 -38 0 -22ZM0 -24Q0 -40 14 -46L16 -42Q6 -36 5 -24Z",
    {},
  ),
  fish: path("M-20 0Q6 -34 46 0Q6 34 -20 0L-46 -22V22Z", {}),
  cup: path(
    "M-34 -30H22V-20Q48 -22 46 2Q44 22 18 20Q12 36 -6 36Q-32 34 -34 -30ZM22 -10V10Q34 10 35 0Q34 -10 22 -10Z",
    { "fill-rule": "evenodd" },
  ),
};

const plain =
  (outline: string): Draw =>
  (random, { ink, outline: stroke }) => {
    const width = random.choice([0, 2, 5]);
    const transform = `rotate(${random.uniform(-12, 12).toFixed(1)})`;
    return `<g fill="${ink}" stroke="${stroke}" stroke-width="${width}" transform="${transform}">${outline}</g>`;
  };

/** Things of no domain: they widen what the miniature CLIP knows. */
export const objects: ConceptGroup = {
  kind: "shape",
  phrase: "{}",
  colourable: true,
  concepts: Object.fromEntries(Object.entries(outlines).map(([name, outline]) => [name, plain(outline)])),
};
