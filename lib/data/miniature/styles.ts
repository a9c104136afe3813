import type { Random } from "../random.js";
import type { Draw, Palette } from "./concepts/index.js";
import { blotches, blur, grain, recolour, wobble } from "./filters.js";
import { ellipse, group, line, path, placed, rect } from "./svg.js";

/** Draws a concept in the manner of one domain, as SVG in the box from (-50, -50) to (50, 50). */
export type Style = (draw: Draw, random: Random) => string;

const seed = (random: Random) => random.integer(10_000);
const everywhere = (attributes: Record<string, string | number>) => rect(-60, -60, 120, 120, attributes);
const tone = (hue: number, saturation: number, lightness: number) =>
  `hsl(${hue.toFixed(0)},${saturation.toFixed(0)}%,${lightness.toFixed(0)}%)`;
const natural: Palette = { ink: "#b03030", paper: "#e8e8e8", outline: "#222222" };

/** Animals among leaves: tilted, partly covered, with a cast of colour. */
export const snapshot: Style = (draw, random) => {
  const leaves = blotches("leaves", seed(random), "0.06", [0.05, 0.14, 0.04], [0.5, 0.6, 0.28]);
  const cast = recolour("cast", random.uniform(0.35, 0.9), random.uniform(-25, 25));
  const fur = wobble("fur", seed(random), "0.3", 7);
  const face = placed(
    random.uniform(-9, 9),
    random.uniform(-7, 9),
    random.uniform(-28, 28),
    random.uniform(0.62, 0.85),
    draw(random, natural),
  );
  const blades = Array.from({ length: 3 }, () => {
    const x = random.uniform(-50, 50);
    return line(
      `M${x.toFixed(1)} 55Q${(x + random.uniform(-15, 15)).toFixed(1)} 20 ${(x + random.uniform(-25, 25)).toFixed(1)} ${random.uniform(-15, 20).toFixed(1)}`,
      tone(100, 40, random.uniform(15, 40)),
      random.uniform(3, 6),
    );
  });
  const light = everywhere({ fill: "#0b1408", opacity: random.uniform(0, 0.35) });
  return [
    leaves.definition,
    cast.definition,
    fur.definition,
    everywhere({ filter: leaves.reference }),
    group({ filter: cast.reference }, group({ filter: fur.reference }, face)),
    ...blades,
    light,
  ].join("");
};

/** Digits in chalk on a board. */
export const chalk: Style = (draw, random) => {
  const board = blotches("board", seed(random), "0.04", [0.08, 0.12, 0.1], [0.2, 0.27, 0.24]);
  const stroke = wobble("stroke", seed(random), "0.12", random.uniform(10, 24));
  const dust = grain("dust", seed(random), 0.16);
  const chalkWhite: Palette = {
    ink: tone(random.uniform(30, 60), 15, random.uniform(72, 95)),
    paper: "#000",
    outline: "#000",
  };
  const squeezed = group(
    { transform: `scale(${random.uniform(0.65, 1.1).toFixed(2)} 1)` },
    draw(random, chalkWhite),
  );
  const digit = placed(
    random.uniform(-10, 10),
    random.uniform(-8, 8),
    random.uniform(-22, 22),
    random.uniform(0.6, 0.95),
    squeezed,
  );
  const smear = ellipse(random.uniform(-40, 40), random.uniform(-40, 40), 30, 12, {
    fill: "#ffffff",
    opacity: random.uniform(0, 0.16),
  });
  return [
    board.definition,
    stroke.definition,
    dust.definition,
    everywhere({ filter: board.reference }),
    smear,
    group({ filter: stroke.reference }, digit),
    everywhere({ filter: dust.reference }),
  ].join("");
};

/** Flags on a pole, waving in the wind under changing light. */
export const waving: Style = (draw, random) => {
  const [x, slope, scale] = [random.uniform(-6, 6), random.uniform(-14, 14), random.uniform(0.68, 0.95)];
  const wind = wobble("wind", seed(random), "0.03 0.015", random.uniform(14, 30));
  const fade = recolour("fade", random.uniform(0.35, 0.85), random.uniform(-18, 18));
  const phase = random.uniform(-50, -30);
  const folds = Array.from({ length: 5 }, (_, i) =>
    rect(phase + 22 * i, -45, random.uniform(6, 12), 90, {
      fill: i % 2 ? "#ffffff" : "#000000",
      opacity: random.uniform(0.12, 0.35),
    }),
  );
  const cloth = group(
    { transform: `skewY(${slope.toFixed(1)}) scale(${scale.toFixed(2)})` },
    draw(random, natural),
    ...folds,
  );
  const sky = tone(random.uniform(180, 235), random.uniform(15, 60), random.uniform(50, 85));
  const cloud = ellipse(random.uniform(-40, 40), random.uniform(-40, 40), random.uniform(20, 40), 14, {
    fill: "#f4f6f8",
    opacity: 0.7,
  });
  const pole = line(`M${(x - 43 * scale).toFixed(1)} -48V60`, "#7a7a80", 3);
  return [
    wind.definition,
    fade.definition,
    everywhere({ fill: sky }),
    cloud,
    pole,
    group(
      { filter: fade.reference },
      group({ filter: wind.reference }, placed(x, random.uniform(-12, 4), 0, 1, cloth)),
    ),
    everywhere({ fill: random.chance(0.5) ? "#203050" : "#f0b060", opacity: random.uniform(0, 0.3) }),
  ].join("");
};

/** Flowers in a meadow: one in front, blurred ones behind. */
export const meadow: Style = (draw, random) => {
  const grass = blotches("grass", seed(random), "0.09 0.04", [0.1, 0.22, 0.06], [0.45, 0.62, 0.25]);
  const depth = blur("depth", "2.5");
  const cast = recolour("cast", random.uniform(0.5, 1), random.uniform(-24, 24));
  const crumple = wobble("crumple", seed(random), "0.08", 12);
  const one = (spread: number, scale: number) =>
    placed(
      random.uniform(-spread, spread),
      random.uniform(-spread, spread),
      random.uniform(-30, 30),
      scale,
      draw(random, natural),
    );
  const behind = [one(42, random.uniform(0.25, 0.4)), one(42, random.uniform(0.25, 0.4))];
  return [
    grass.definition,
    depth.definition,
    cast.definition,
    crumple.definition,
    everywhere({ filter: grass.reference }),
    group(
      { filter: cast.reference },
      group({ filter: depth.reference }, ...behind),
      group({ filter: crumple.reference }, one(10, random.uniform(0.6, 0.85))),
    ),
    everywhere({ fill: random.chance(0.5) ? "#f8e080" : "#102010", opacity: random.uniform(0, 0.25) }),
  ].join("");
};

/** Traffic signs through a windscreen at dusk. */
export const dashcam: Style = (draw, random) => {
  const street = blotches("street", seed(random), "0.03 0.06", [0.1, 0.11, 0.16], [0.5, 0.46, 0.45]);
  const motion = blur(
    "motion",
    `${random.uniform(0.5, 3.2).toFixed(1)} ${random.uniform(0.3, 1.2).toFixed(1)}`,
  );
  const sensor = grain("sensor", seed(random), 0.22);
  const [x, y, scale] = [random.uniform(-16, 16), random.uniform(-16, 6), random.uniform(0.45, 0.75)];
  const turned = `skewY(${random.uniform(-14, 14).toFixed(1)}) scale(${random.uniform(0.65, 1).toFixed(2)} 1)`;
  const pole = line(`M${x.toFixed(1)} ${y.toFixed(1)}V60`, "#55585e", 4);
  const plate = placed(
    x,
    y,
    random.uniform(-12, 12),
    scale,
    group({ transform: turned }, draw(random, natural)),
  );
  const branch = line(
    `M${random.uniform(-50, 50).toFixed(1)} -55L${random.uniform(-40, 40).toFixed(1)} ${random.uniform(-20, 30).toFixed(1)}`,
    "#1c2418",
    random.uniform(2, 6),
  );
  return [
    street.definition,
    motion.definition,
    sensor.definition,
    everywhere({ filter: street.reference }),
    group({ filter: motion.reference }, pole, plate, branch),
    everywhere({ fill: "#18203c", opacity: random.uniform(0.15, 0.55) }),
    everywhere({ filter: sensor.reference }),
  ].join("");
};

/** Textures from very near, in uneven light. */
export const closeUp: Style = (draw, random) => {
  const hue = random.uniform(0, 360);
  const contrast = random.uniform(17, 32) * (random.chance(0.5) ? 1 : -1);
  const middle = random.uniform(40, 62);
  const material: Palette = {
    ink: tone(hue, 25, middle - contrast),
    paper: tone(hue + random.uniform(-30, 30), 25, middle + contrast),
    outline: "#222",
  };
  const rough = wobble("rough", seed(random), "0.07", random.uniform(6, 16));
  const dirt = grain("dirt", seed(random), 0.25);
  const surface = placed(0, 0, random.uniform(-25, 25), random.uniform(1.3, 1.9), draw(random, material));
  const [x, y] = [random.uniform(-50, 50), random.uniform(-50, 50)];
  return [
    rough.definition,
    dirt.definition,
    `<radialGradient id="lamp" gradientUnits="userSpaceOnUse" cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="110"><stop offset="0" stop-color="#fff" stop-opacity="0.4"/><stop offset="0.4" stop-color="#000" stop-opacity="0"/><stop offset="1" stop-color="#000" stop-opacity="0.7"/></radialGradient>`,
    everywhere({ fill: material.paper }),
    group({ filter: rough.reference }, surface),
    everywhere({ filter: dirt.reference }),
    everywhere({ fill: "url(#lamp)" }),
  ].join("");
};

/** Vehicles as white lines on blue drafting paper. */
export const blueprint: Style = (draw, random) => {
  const paper = tone(random.uniform(205, 235), random.uniform(45, 75), random.uniform(24, 42));
  const ruling = [-60, -36, -12, 12, 36, 60].map((at) => `M${at + 3} -60V60M-60 ${at - 4}H60`).join("");
  const hand = wobble("hand", seed(random), "0.06", random.uniform(6, 16));
  const white: Palette = { ink: paper, paper, outline: "#dfeaf8" };
  const drawing = placed(
    random.uniform(-9, 9),
    random.uniform(-9, 9),
    random.uniform(-16, 16),
    random.uniform(0.6, 0.92),
    draw(random, white),
  );
  const [x, y] = [random.uniform(-40, 40), random.uniform(-44, 44)];
  const notes = path(`M${x.toFixed(1)} ${y.toFixed(1)}h24m-24 5h16m-30 -30l14 14`, {
    fill: "none",
    stroke: "#dfeaf8",
    "stroke-width": 1.4,
  });
  return [
    hand.definition,
    "<style>.lines *{fill:none!important;stroke:#dfeaf8!important;stroke-width:2.6!important}</style>",
    everywhere({ fill: paper }),
    path(ruling, { stroke: "#ffffff", "stroke-width": 0.9, opacity: 0.4 }),
    group({ filter: hand.reference }, group({ class: "lines" }, drawing), notes),
  ].join("");
};
