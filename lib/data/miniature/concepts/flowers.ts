import type { Random } from "../../random.js";
import { circle, ellipse, group, line, path, placed, polar } from "../svg.js";
import type { ConceptGroup, Draw } from "./concept.js";

/** Petals point up from the origin; x is in units of the width, y of the length. */
const petals = {
  round: "M0 0C-1.1 -0.3 -0.9 -1 0 -1S1.1 -0.3 0 0Z",
  pointed: "M0 0C-0.9 -0.3 -0.6 -0.7 0 -1C0.6 -0.7 0.9 -0.3 0 0Z",
  heart: "M0 0C-1 -0.4 -0.9 -1.1 0 -0.8C0.9 -1.1 1 -0.4 0 0Z",
};

interface Corolla {
  readonly shape: keyof typeof petals;
  readonly count: number;
  readonly length: number;
  readonly width: number;
  readonly fills: readonly string[];
  /** Degrees by which the ring is turned. */
  readonly turn?: number;
}

function corolla(random: Random, fill: string, { shape, count, length, width, turn = 0 }: Corolla): string {
  return Array.from({ length: count }, (_, i) => {
    const angle = turn + (360 * i) / count + random.uniform(-6, 6);
    const stretch = length * random.uniform(0.88, 1.1);
    const transform = `rotate(${angle.toFixed(1)}) scale(${width} ${stretch.toFixed(1)})`;
    const outline = { stroke: "#00000050", "stroke-width": 1.2, "vector-effect": "non-scaling-stroke" };
    return path(petals[shape], { transform, fill, ...outline });
  }).join("");
}

/** A flower seen from above: one or two rings of petals around a heart. */
const fromAbove =
  (rings: readonly Corolla[], heart: (random: Random) => string): Draw =>
  (random) => {
    const pick = random.next();
    const drawn = rings.map((ring) => {
      const fill = ring.fills[Math.floor(pick * ring.fills.length)] as string;
      return corolla(random, fill, ring);
    });
    return placed(0, 0, random.uniform(0, 60), 1, ...drawn, heart(random));
  };

/** A flower seen from the side on its stem. */
const onStem =
  (blossom: Draw): Draw =>
  (random, palette) => {
    const bend = random.uniform(-8, 8);
    const leaf = random.chance(0.5) ? 1 : -1;
    return group(
      {},
      line(`M0 0Q${bend.toFixed(1)} 25 0 48`, "#3f8a3a", 4),
      path(`M0 38Q${20 * leaf} 30 ${22 * leaf} 8Q${4 * leaf} 16 0 38Z`, { fill: "#4f9a45" }),
      blossom(random, palette),
    );
  };

const eye = (radius: number, fill: string) => () => circle(0, 0, radius, { fill });

const stamens = (random: Random) =>
  Array.from({ length: 6 }, (_, i) => {
    const [x, y] = polar(random.uniform(13, 18), 60 * i + 30);
    return line(`M0 0L${x.toFixed(1)} ${y.toFixed(1)}`, "#a8761c", 2) + circle(x, y, 3, { fill: "#8a4a12" });
  }).join("");

const tulip: Draw = (random) => {
  const fill = random.choice(["#d8263c", "#f0c02a", "#e0609a"]);
  const open = random.uniform(16, 23);
  const cup = `M0 4C${-open - 6} 2 ${-open} -30 ${-open} -42L${-open / 2} -26L0 -44L${open / 2} -26L${open} -42C${open} -30 ${open + 6} 2 0 4Z`;
  return path(cup, { fill, stroke: "#00000050", "stroke-width": 1.5 });
};

const lotus: Draw = (random) => {
  const fill = random.choice(["#ef9cc0", "#f6c9dc"]);
  const blade = (angle: number) =>
    path(petals.pointed, {
      transform: `translate(0 22) rotate(${angle}) scale(15 ${random.uniform(48, 60).toFixed(1)})`,
      fill,
      stroke: "#b0527f",
      "stroke-width": 1.2,
      "vector-effect": "non-scaling-stroke",
    });
  return ellipse(0, 26, 42, 8, { fill: "#3f8a5a" }) + [-75, 75, -48, 48, -24, 24, 0].map(blade).join("");
};

const lavender: Draw = (random) =>
  Array.from({ length: 9 }, (_, row) =>
    [-1, 0, 1]
      .map((side) => {
        const spread = 9 * Math.sin((Math.PI * (row + 1.5)) / 11);
        return circle(side * spread + random.uniform(-2, 2), -45 + row * 6, random.uniform(3.5, 5.5), {
          fill: random.choice(["#8a63c4", "#7450b0", "#a184d6"]),
        });
      })
      .join(""),
  ).join("");

const dandelion: Draw = (random) =>
  circle(0, -16, 27, { fill: "#ffffff90" }) +
  Array.from({ length: 26 }, (_, i) => {
    const [x, y] = polar(random.uniform(20, 30), (360 * i) / 26);
    const thread = line(`M0 -16L${x.toFixed(1)} ${(y - 16).toFixed(1)}`, "#b9bcc2", 1.2);
    return thread + circle(x, y - 16, 2, { fill: "#d9dbe0" });
  }).join("") +
  circle(0, -16, 5, { fill: "#7a6a44" });

const rose: Draw = (random) => {
  const fill = random.choice(["#c81e3a", "#e86a8e", "#f2b8c2"]);
  const rings = [42, 32, 22, 12].map((radius, i) => {
    const ring: Corolla = {
      shape: "round",
      count: 5,
      length: radius,
      width: radius * 0.55,
      fills: [fill],
      turn: 36 * i,
    };
    return corolla(random, fill, ring);
  });
  return placed(0, 0, random.uniform(0, 70), 1, ...rings, circle(0, 0, 5, { fill: "#00000040" }));
};

export const flowers: ConceptGroup = {
  kind: "flower",
  phrase: "{}",
  colourable: false,
  concepts: {
    rose,
    daisy: fromAbove(
      [{ shape: "round", count: 13, length: 45, width: 6, fills: ["#fafaf2", "#f2e9f2"] }],
      eye(12, "#f2c025"),
    ),
    sunflower: fromAbove(
      [{ shape: "pointed", count: 17, length: 47, width: 8, fills: ["#f5b91c", "#f0a010"] }],
      eye(22, "#5a3a1a"),
    ),
    lily: fromAbove(
      [{ shape: "pointed", count: 6, length: 48, width: 17, fills: ["#fbf3ea", "#f4b3c8", "#f0913a"] }],
      stamens,
    ),
    poppy: fromAbove(
      [{ shape: "round", count: 4, length: 44, width: 30, fills: ["#dc2f1f", "#e2502a"] }],
      eye(10, "#241a24"),
    ),
    violet: fromAbove(
      [{ shape: "heart", count: 5, length: 44, width: 21, fills: ["#6a3fa8", "#8458c8"] }],
      eye(6, "#f2c025"),
    ),
    daffodil: fromAbove(
      [
        { shape: "pointed", count: 6, length: 46, width: 19, fills: ["#f8df52", "#fbf3c4"] },
        { shape: "round", count: 8, length: 20, width: 9, fills: ["#f0911c"] },
      ],
      eye(7, "#c86a10"),
    ),
    clover: fromAbove(
      [{ shape: "heart", count: 4, length: 44, width: 26, fills: ["#3f9a4a", "#57ad55"] }],
      eye(4, "#c9e6b0"),
    ),
    tulip: onStem(tulip),
    lavender: onStem(lavender),
    dandelion: onStem(dandelion),
    lotus,
  },
};
