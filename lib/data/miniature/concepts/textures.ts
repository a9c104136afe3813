import type { Random } from "../../random.js";
import {
  circle,
  curve,
  element,
  line,
  type Point,
  path,
  polygon,
  polyline,
  rect,
  regularPolygon,
} from "../svg.js";
import type { ConceptGroup, Draw, Palette } from "./concept.js";

/** Fills the square from (-50, -50) to (50, 50); what sticks out is cut off by `swatch`. */
type Pattern = (random: Random, step: number, palette: Palette) => string;

const swatch =
  (pattern: Pattern): Draw =>
  (random, palette) =>
    element(
      "svg",
      { x: -50, y: -50, width: 100, height: 100, viewBox: "-50 -50 100 100" },
      rect(-50, -50, 100, 100, { fill: palette.paper }),
      pattern(random, random.uniform(13, 24), palette),
    );

/** Multiples of `step` from one edge to the other, shifted at random. */
function ticks(random: Random, step: number): number[] {
  const first = -50 - step * random.next();
  return Array.from({ length: Math.ceil((50 + step - first) / step) }, (_, i) => first + i * step);
}

const striped: Pattern = (random, step, { ink }) => {
  const share = random.uniform(0.35, 0.6);
  return ticks(random, step)
    .map((x) => rect(x, -50, step * share, 100, { fill: ink }))
    .join("");
};

const dotted: Pattern = (random, step, { ink }) => {
  const radius = step * random.uniform(0.22, 0.34);
  const columns = ticks(random, step);
  return ticks(random, step)
    .flatMap((y) => columns.map((x) => circle(x, y, radius, { fill: ink })))
    .join("");
};

const checkered: Pattern = (random, step, { ink }) => {
  const columns = ticks(random, step);
  return ticks(random, step)
    .flatMap((y, row) =>
      columns
        .filter((_, column) => (row + column) % 2 === 0)
        .map((x) => rect(x, y, step, step, { fill: ink })),
    )
    .join("");
};

const grid: Pattern = (random, step, { ink }) => {
  const width = random.uniform(2, 4);
  const lines = [
    ...ticks(random, step).map((x) => `M${x.toFixed(1)} -50V50`),
    ...ticks(random, step).map((y) => `M-50 ${y.toFixed(1)}H50`),
  ];
  return line(lines.join(""), ink, width);
};

const rows = (
  random: Random,
  step: number,
  ink: string,
  trace: (points: readonly Point[]) => string,
  share: number,
) => {
  const half = step * random.uniform(0.5, 0.7);
  const lift = step * random.uniform(0.3, 0.45);
  const columns = Array.from({ length: Math.ceil(130 / half) }, (_, i) => -60 + i * half);
  const lines = ticks(random, step * 1.1).map((y) =>
    trace(columns.map((x, i) => [x, y + (i % 2 ? lift : -lift)])),
  );
  return line(lines.join(""), ink, step * share);
};

const zigzagged: Pattern = (random, step, { ink }) => rows(random, step, ink, polyline, 0.24);
const wavy: Pattern = (random, step, { ink }) => rows(random, step * 1.2, ink, curve, 0.22);

const honeycombed: Pattern = (random, step, { ink }) => {
  const radius = step * 0.62;
  const cell = regularPolygon(6, radius);
  const columns = ticks(random, radius * Math.sqrt(3));
  return ticks(random, radius * 1.5)
    .flatMap((y, row) =>
      columns.map((x) => {
        const shift = row % 2 ? (radius * Math.sqrt(3)) / 2 : 0;
        const corners = cell.map(([dx, dy]): Point => [x + dx + shift, y + dy]);
        return polygon(corners, { fill: "none", stroke: ink, "stroke-width": 2.6 });
      }),
    )
    .join("");
};

const scaly: Pattern = (random, step, { ink, paper }) => {
  const columns = ticks(random, step);
  return ticks(random, step / 2)
    .flatMap((y, row) =>
      columns.map((x) =>
        circle(x + (row % 2 ? step / 2 : 0), -y, step / 2, { fill: paper, stroke: ink, "stroke-width": 2.6 }),
      ),
    )
    .join("");
};

const swirly: Pattern = (random, step, { ink }) => {
  const [x, y, turns] = [random.uniform(-12, 12), random.uniform(-12, 12), 6];
  const direction = random.chance(0.5) ? 1 : -1;
  const points = Array.from({ length: turns * 12 }, (_, i): Point => {
    const [angle, radius] = [(direction * i * Math.PI) / 6, (step * 0.75 * i) / 12];
    return [x + radius * Math.cos(angle), y + radius * Math.sin(angle)];
  });
  return line(curve(points), ink, step * 0.28);
};

const bubbly: Pattern = (random, step, { ink }) =>
  Array.from({ length: 34 }, () =>
    circle(random.uniform(-50, 50), random.uniform(-50, 50), step * random.uniform(0.15, 0.6), {
      fill: "none",
      stroke: ink,
      "stroke-width": 2.2,
    }),
  ).join("");

const cracked: Pattern = (random, _step, { ink }) =>
  Array.from({ length: 9 }, () => {
    let [x, y] = [random.uniform(-50, 50), random.uniform(-50, 50)];
    let heading = random.uniform(0, 2 * Math.PI);
    const points = Array.from({ length: 9 }, (): Point => {
      heading += random.uniform(-0.9, 0.9);
      x += 11 * Math.cos(heading);
      y += 11 * Math.sin(heading);
      return [x, y];
    });
    return line(polyline(points), ink, random.uniform(1.2, 3));
  }).join("");

const woven: Pattern = (random, step, { ink }) => {
  const columns = ticks(random, step);
  return ticks(random, step)
    .flatMap((y, row) =>
      columns.map((x, column) => {
        const across = (row + column) % 2 === 0;
        const bars = [0.12, 0.42, 0.72].map((offset) =>
          across
            ? `M${(x + step * 0.05).toFixed(1)} ${(y + step * (offset + 0.08)).toFixed(1)}h${(step * 0.85).toFixed(1)}`
            : `M${(x + step * (offset + 0.08)).toFixed(1)} ${(y + step * 0.05).toFixed(1)}v${(step * 0.85).toFixed(1)}`,
        );
        return path(bars.join(""), { fill: "none", stroke: ink, "stroke-width": step * 0.13 });
      }),
    )
    .join("");
};

const patterns = {
  striped,
  dotted,
  checkered,
  grid,
  zigzagged,
  wavy,
  honeycombed,
  scaly,
  swirly,
  bubbly,
  cracked,
  woven,
};

export const textures: ConceptGroup = {
  kind: "pattern",
  phrase: "{} pattern",
  colourable: true,
  concepts: Object.fromEntries(Object.entries(patterns).map(([name, pattern]) => [name, swatch(pattern)])),
};
