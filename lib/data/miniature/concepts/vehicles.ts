import { circle, ellipse, group, line, path, polygon, rect } from "../svg.js";
import type { ConceptGroup, Draw, Palette } from "./concept.js";

const tyre = (x: number, y: number, r: number, { outline, paper }: Palette) =>
  circle(x, y, r, { fill: outline }) + circle(x, y, r * 0.45, { fill: paper });

const hull = (d: string, { ink, outline }: Palette) =>
  path(d, { fill: ink, stroke: outline, "stroke-width": 2.5, "stroke-linejoin": "round" });

const panes = (
  xs: readonly number[],
  y: number,
  width: number,
  height: number,
  { paper, outline }: Palette,
) => xs.map((x) => rect(x, y, width, height, { fill: paper, stroke: outline, "stroke-width": 1.5 })).join("");

const car: Draw = (random, palette) => {
  const roof = random.uniform(-24, -16);
  return (
    hull(`M-46 16V0L-30 -4L-18 ${roof.toFixed(1)}H14L28 -4L46 2V16Z`, palette) +
    polygon(
      [
        [-23, -4],
        [-15, roof + 4],
        [-2, roof + 4],
        [-2, -4],
      ],
      { fill: palette.paper },
    ) +
    polygon(
      [
        [3, -4],
        [3, roof + 4],
        [12, roof + 4],
        [21, -4],
      ],
      { fill: palette.paper },
    ) +
    tyre(-26, 17, 10, palette) +
    tyre(26, 17, 10, palette)
  );
};

const bus: Draw = (random, palette) => {
  const top = random.uniform(-32, -24);
  const windows = panes([-41, -25, -9, 7, 23], top + 6, 12, 15, palette);
  return (
    hull(`M-47 24V${top.toFixed(1)}H44L47 ${(top + 18).toFixed(1)}V24Z`, palette) +
    windows +
    tyre(-28, 25, 9, palette) +
    tyre(28, 25, 9, palette)
  );
};

const truck: Draw = (random, palette) => {
  const top = random.uniform(-36, -24);
  const load = rect(-48, top, 62, 18 - top, {
    fill: palette.paper,
    stroke: palette.outline,
    "stroke-width": 2.5,
  });
  const cab = hull("M18 20V-14H32L46 4V20Z", palette);
  const wheels = [-36, -20, 33].map((x) => tyre(x, 24, 9, palette)).join("");
  return load + cab + panes([24], -9, 9, 11, palette) + wheels;
};

const bicycle: Draw = (random, { ink, outline }) => {
  const r = random.uniform(16, 20);
  const wheel = (x: number) => circle(x, 18, r, { fill: "none", stroke: outline, "stroke-width": 3.5 });
  const frame = line("M-26 18L-10 -12H16L0 18H-26M0 18L-12 -20M26 18L14 -24", ink, 4);
  return wheel(-26) + wheel(26) + frame + line("M-19 -21H-6M8 -26L20 -24", outline, 4.5);
};

const tractor: Draw = (random, palette) => {
  const chimney = random.uniform(-34, -24);
  return (
    line(`M30 -6V${chimney.toFixed(1)}`, palette.outline, 4) +
    hull("M-34 12V-36H2L6 -8H44V12Z", palette) +
    panes([-27], -30, 22, 18, palette) +
    tyre(-20, 18, 23, palette) +
    tyre(34, 28, 12, palette)
  );
};

const train: Draw = (random, palette) => {
  const nose = random.uniform(30, 42);
  const wheels = [-36, -18, 0, 18, 34].map((x) => circle(x, 24, 6, { fill: palette.outline })).join("");
  const track = line("M-50 32H50", palette.outline, 3);
  return (
    track +
    hull(`M-48 20V-22H${(nose - 16).toFixed(1)}Q${nose.toFixed(1)} -20 47 20Z`, palette) +
    panes([-42, -24, -6, 12], -14, 12, 12, palette) +
    line("M-48 8H42", palette.paper, 4) +
    wheels
  );
};

const sailboat: Draw = (random, { ink, paper, outline }) => {
  const belly = random.uniform(26, 40);
  return (
    line("M0 22V-46", outline, 3) +
    path(`M3 -44Q${belly.toFixed(1)} -14 ${belly.toFixed(1)} 14H3Z`, {
      fill: paper,
      stroke: outline,
      "stroke-width": 2,
    }) +
    path("M-3 -36Q-10 -8 -28 14H-3Z", { fill: paper, stroke: outline, "stroke-width": 2 }) +
    path("M-40 22H42L28 42H-26Z", { fill: ink, stroke: outline, "stroke-width": 2.5 })
  );
};

const ship: Draw = (random, palette) => {
  const funnel = random.uniform(-44, -34);
  return (
    rect(-14, funnel, 12, -funnel - 16, { fill: palette.outline }) +
    rect(8, funnel + 4, 10, -funnel - 20, { fill: palette.outline }) +
    rect(-30, -18, 58, 22, { fill: palette.paper, stroke: palette.outline, "stroke-width": 2 }) +
    [-22, -8, 6, 20].map((x) => circle(x, -7, 3.5, { fill: palette.outline })).join("") +
    hull("M-48 4H50L34 34H-38Z", palette)
  );
};

const submarine: Draw = (random, palette) => {
  const tower = random.uniform(-14, 6);
  return (
    line(`M${tower.toFixed(1)} -20V-42H${(tower + 12).toFixed(1)}`, palette.outline, 4) +
    rect(tower - 12, -26, 24, 24, { fill: palette.ink, stroke: palette.outline, "stroke-width": 2.5 }) +
    polygon(
      [
        [-40, 8],
        [-50, -8],
        [-50, 24],
      ],
      { fill: palette.outline },
    ) +
    ellipse(2, 8, 45, 19, { fill: palette.ink, stroke: palette.outline, "stroke-width": 2.5 }) +
    [-16, 4, 24]
      .map((x) => circle(x, 6, 5.5, { fill: palette.paper, stroke: palette.outline, "stroke-width": 2 }))
      .join("")
  );
};

const airplane: Draw = (random, palette) => {
  const sweep = random.uniform(-18, -4);
  return (
    hull("M-38 -4L-48 -28H-38L-24 -6Z", palette) +
    hull("M-46 0Q-30 -10 30 -9Q50 -4 48 2Q40 9 -20 9Q-40 8 -46 0Z", palette) +
    path(`M10 0L${sweep.toFixed(1)} 36H${(sweep - 12).toFixed(1)}L-10 0Z`, { fill: palette.outline }) +
    [-14, -2, 10, 22].map((x) => circle(x, -3, 2.5, { fill: palette.paper })).join("")
  );
};

const helicopter: Draw = (random, palette) => {
  const blade = random.uniform(34, 46);
  return (
    hull("M4 -8L-46 -8V-2L2 12Z", palette) +
    ellipse(14, 4, 28, 19, { fill: palette.ink, stroke: palette.outline, "stroke-width": 2.5 }) +
    path("M20 -12Q40 -6 40 6H20Z", { fill: palette.paper }) +
    line(
      `M14 -14V-26M${(14 - blade).toFixed(1)} -26H${Math.min(14 + blade, 50).toFixed(1)}`,
      palette.outline,
      4,
    ) +
    line("M-46 -18V8M-8 34H40M2 22V34M26 22V34", palette.outline, 3.5)
  );
};

const drawings = {
  car,
  bus,
  truck,
  bicycle,
  tractor,
  train,
  sailboat,
  ship,
  submarine,
  airplane,
  helicopter,
};

const eitherWay =
  (draw: Draw): Draw =>
  (random, palette) =>
    group({ transform: random.chance(0.5) ? "scale(-1 1)" : undefined }, draw(random, palette));

export const vehicles: ConceptGroup = {
  kind: "vehicle",
  phrase: "{}",
  colourable: true,
  concepts: Object.fromEntries(Object.entries(drawings).map(([name, draw]) => [name, eitherWay(draw)])),
};
