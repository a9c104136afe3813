import { circle, line, path, polygon, rect, regularPolygon } from "../svg.js";
import type { ConceptGroup, Draw } from "./concept.js";

const red = "#c8202c";
const blue = "#1d58b0";
const white = "#f6f6f2";
const black = "#1c1c1c";
const yellow = "#f4c020";

const octagon =
  polygon(regularPolygon(8, 47), { fill: red, stroke: white, "stroke-width": 4, transform: "rotate(22.5)" }) +
  rect(-30, -6, 60, 12, { fill: white });
const warning = polygon(
  [
    [0, -42],
    [46, 38],
    [-46, 38],
  ],
  { fill: white, stroke: red, "stroke-width": 9, "stroke-linejoin": "round" },
);
const mandatory = circle(0, 0, 46, { fill: blue, stroke: white, "stroke-width": 3 });

const arrow = (rotation: number) =>
  path("M-7 30V-6H-22L0 -34L22 -6H7V30Z", { fill: white, transform: `rotate(${rotation})` });

const roundabout = [0, 120, 240]
  .map((turn) =>
    path("M-6 -25A26 26 0 0 1 20 -16L27 -22L27 0L6 -4L12 -9A17 17 0 0 0 -4 -16Z", {
      fill: white,
      transform: `rotate(${turn})`,
    }),
  )
  .join("");

const designs: Readonly<Record<string, string>> = {
  stop: octagon,
  yield: polygon(
    [
      [-46, -38],
      [46, -38],
      [0, 44],
    ],
    { fill: white, stroke: red, "stroke-width": 10, "stroke-linejoin": "round" },
  ),
  "no entry": circle(0, 0, 47, { fill: red }) + rect(-33, -8, 66, 16, { fill: white }),
  "turn left": mandatory + arrow(-90),
  "turn right": mandatory + arrow(90),
  "straight ahead": mandatory + arrow(0),
  roundabout: mandatory + roundabout,
  crossroads: warning + line("M0 -16V34M-20 14H20", black, 8),
  "bumpy road": warning + path("M-28 30Q-14 0 0 26Q14 0 28 30Z", { fill: black }),
  "traffic lights":
    warning +
    circle(0, -12, 7, { fill: red }) +
    circle(0, 6, 7, { fill: yellow }) +
    circle(0, 24, 7, { fill: "#2a9a4a" }),
  "priority road":
    rect(-33, -33, 66, 66, { fill: white, stroke: black, "stroke-width": 2, transform: "rotate(45)" }) +
    rect(-22, -22, 44, 44, { fill: yellow, transform: "rotate(45)" }),
  "no parking":
    circle(0, 0, 42, { fill: blue, stroke: red, "stroke-width": 9 }) + line("M-28 -28L28 28", red, 9),
};

const mounted =
  (design: string): Draw =>
  (random) => {
    const [width, tilt] = [random.uniform(0.82, 1), random.uniform(-5, 5)];
    return `<g transform="rotate(${tilt.toFixed(1)}) scale(${width.toFixed(2)} 1)">${design}</g>`;
  };

export const signs: ConceptGroup = {
  kind: "traffic sign",
  phrase: "{} sign",
  colourable: false,
  concepts: Object.fromEntries(Object.entries(designs).map(([name, design]) => [name, mounted(design)])),
};
