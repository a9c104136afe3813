import type { Random } from "../../random.js";
import { circle, ellipse, line, path, polygon } from "../svg.js";
import type { ConceptGroup, Draw } from "./concept.js";

/** A face is an assembly of parts; every part is drawn on both sides unless it lies on the middle line. */
interface Face {
  readonly furs: readonly string[];
  readonly inner: string;
  readonly ears: keyof typeof ears;
  readonly muzzle: keyof typeof muzzles;
  /** Width and height of the head in units of 36. */
  readonly head?: readonly [number, number];
  readonly eyes?: (random: Random) => string;
  /** Behind the head. */
  readonly behind?: string;
  /** On the head, below eyes and muzzle. */
  readonly marks?: string;
}

const both = (half: string) => `${half}<g transform="scale(-1 1)">${half}</g>`;
const rim = { stroke: "#2a2220", "stroke-width": 2, "stroke-linejoin": "round" };

const ears = {
  pointed: (fur: string, inner: string) =>
    polygon(
      [
        [10, -24],
        [36, -48],
        [36, -8],
      ],
      { fill: fur, ...rim },
    ) +
    polygon(
      [
        [20, -24],
        [33, -40],
        [33, -16],
      ],
      { fill: inner },
    ),
  round: (fur: string, inner: string) =>
    circle(27, -27, 13, { fill: fur, ...rim }) + circle(27, -27, 7, { fill: inner }),
  large: (fur: string, inner: string) =>
    circle(31, -24, 19, { fill: fur, ...rim }) + circle(31, -24, 12, { fill: inner }),
  long: (fur: string, inner: string) =>
    ellipse(13, -36, 8, 22, { fill: fur, ...rim }) + ellipse(13, -36, 4, 15, { fill: inner }),
  floppy: (_fur: string, inner: string) => path("M22 -26Q48 -28 44 18Q32 20 26 -4Z", { fill: inner, ...rim }),
  sideways: (_fur: string, inner: string) =>
    path("M26 -18Q44 -28 50 -12Q40 -2 28 -8Z", { fill: inner, ...rim }) +
    path("M16 -30Q20 -48 30 -44Q28 -36 24 -26Z", { fill: "#e8dcc0", ...rim }),
  tufts: (fur: string) =>
    polygon(
      [
        [8, -30],
        [32, -48],
        [34, -18],
      ],
      { fill: fur, ...rim },
    ),
  bulging: (fur: string) =>
    circle(20, -28, 14, { fill: fur, ...rim }) +
    circle(20, -28, 8, { fill: "#fbfbf4" }) +
    circle(20, -28, 4, { fill: "#1a1a1a" }),
};

const nose = (y: number, fill: string) => path(`M-6 ${y}H6L0 ${y + 7}Z`, { fill });
const mouth = (y: number) =>
  line(`M0 ${y}V${y + 5}M-9 ${y + 6}Q-4 ${y + 11} 0 ${y + 5}Q4 ${y + 11} 9 ${y + 6}`, "#2a2220", 2);

const muzzles = {
  whiskers: (inner: string) =>
    nose(6, inner) + mouth(12) + both(line("M14 12L40 7M14 16L40 19", "#2a2220", 1.6)),
  patch: (inner: string) =>
    ellipse(0, 16, 17, 13, { fill: inner }) + ellipse(0, 9, 7, 5, { fill: "#2a2220" }) + mouth(13),
  snout: (inner: string) =>
    ellipse(0, 12, 17, 12, { fill: inner, ...rim }) + both(ellipse(6, 12, 3, 5, { fill: "#5a2a30" })),
  broad: (inner: string) =>
    ellipse(0, 22, 27, 14, { fill: inner, ...rim }) + both(ellipse(11, 20, 4, 3, { fill: "#5a2a30" })),
  beak: (inner: string) =>
    polygon(
      [
        [-8, 4],
        [8, 4],
        [0, 22],
      ],
      { fill: inner, ...rim },
    ),
  narrow: (inner: string) =>
    polygon(
      [
        [-30, 4],
        [0, 36],
        [30, 4],
        [0, 14],
      ],
      { fill: inner },
    ) + circle(0, 32, 6, { fill: "#1a1a1a" }),
  teeth: (inner: string) => nose(6, inner) + mouth(11) + path("M-5 20H5V29H-5Z", { fill: "#fdfdf8", ...rim }),
  grin: () => line("M-26 10Q0 34 26 10", "#1f3a1a", 3) + both(circle(4, 2, 1.8, { fill: "#1f3a1a" })),
};

const dots = (random: Random) => both(circle(14, -6, random.uniform(4, 6), { fill: "#1a1a1a" }));
const rings = () =>
  both(circle(15, -8, 13, { fill: "#f6efdc", ...rim }) + circle(15, -8, 6, { fill: "#1a1a1a" }));
const none = () => "";

const mane = Array.from({ length: 14 }, (_, i) =>
  ellipse(0, -36, 11, 13, { fill: "#9a5a1c", transform: `rotate(${(360 * i) / 14})` }),
).join("");

const faces: Readonly<Record<string, Face>> = {
  cat: { furs: ["#8a8a90", "#d8923a", "#3a3a40"], inner: "#e8a0a8", ears: "pointed", muzzle: "whiskers" },
  dog: { furs: ["#c89a5a", "#f0e4d0", "#7a5030"], inner: "#6a4426", ears: "floppy", muzzle: "patch" },
  rabbit: {
    furs: ["#f0ece8", "#b8a08a", "#9a9aa0"],
    inner: "#f0b0b8",
    ears: "long",
    muzzle: "teeth",
    head: [0.85, 0.95],
  },
  bear: { furs: ["#7a4a24", "#5a3820", "#a06a38"], inner: "#d8b088", ears: "round", muzzle: "patch" },
  panda: {
    furs: ["#f8f8f4"],
    inner: "#1f1f22",
    ears: "round",
    muzzle: "patch",
    marks: both(ellipse(15, -6, 10, 12, { fill: "#1f1f22", transform: "rotate(25 15 -6)" })),
    eyes: () => both(circle(14, -6, 4, { fill: "#fff" })),
  },
  pig: { furs: ["#f2a8b4", "#e890a0"], inner: "#e07a90", ears: "tufts", muzzle: "snout" },
  fox: { furs: ["#e0702a", "#d05a1c"], inner: "#fbf6ee", ears: "pointed", muzzle: "narrow", head: [1, 0.9] },
  owl: { furs: ["#8a6a48", "#a8885c"], inner: "#f0a82a", ears: "tufts", muzzle: "beak", eyes: rings },
  mouse: {
    furs: ["#a8a8b0", "#8c8078"],
    inner: "#f0b0b8",
    ears: "large",
    muzzle: "whiskers",
    head: [0.75, 0.8],
  },
  frog: {
    furs: ["#5aa83a", "#7abf4a"],
    inner: "#1f3a1a",
    ears: "bulging",
    muzzle: "grin",
    head: [1.15, 0.8],
    eyes: none,
  },
  lion: {
    furs: ["#e0aa50", "#d89a3c"],
    inner: "#8a5a3a",
    ears: "round",
    muzzle: "whiskers",
    head: [0.85, 0.85],
    behind: mane,
  },
  cow: {
    furs: ["#f6f2ea", "#b8834e"],
    inner: "#eab0a8",
    ears: "sideways",
    muzzle: "broad",
    head: [0.8, 1],
    marks: path("M6 -34Q30 -30 26 2Q12 4 6 -12Z", { fill: "#3a2a24" }),
  },
};

const portrait =
  (face: Face): Draw =>
  (random) => {
    const fur = random.choice(face.furs);
    const [width, height] = face.head ?? [1, 1];
    const rx = 36 * width * random.uniform(0.9, 1.08);
    const ry = 34 * height * random.uniform(0.9, 1.08);
    return [
      face.behind ?? "",
      both(ears[face.ears](fur, face.inner)),
      ellipse(0, 4, rx, ry, { fill: fur, ...rim }),
      face.marks ?? "",
      (face.eyes ?? dots)(random),
      muzzles[face.muzzle](face.inner),
    ].join("");
  };

export const animals: ConceptGroup = {
  kind: "animal",
  phrase: "{}",
  colourable: false,
  concepts: Object.fromEntries(Object.entries(faces).map(([name, face]) => [name, portrait(face)])),
};
