import { circle, group, rect } from "../svg.js";
import type { ConceptGroup, Draw } from "./concept.js";

const hues = {
  black: "#1a1a1a",
  blue: "#1f3f9c",
  green: "#168a46",
  orange: "#f28a1c",
  red: "#d0202e",
  white: "#f7f7f4",
  yellow: "#f7cf2b",
};
type Hue = keyof typeof hues;

/** Fields in a box 90 wide and 60 high. */
const left = -45;
const top = -30;
const field = (x: number, y: number, width: number, height: number, hue: Hue) =>
  rect(left + x, top + y, width, height, { fill: hues[hue] });

const vertical = (...bands: Hue[]) =>
  bands.map((hue, i) => field((90 / bands.length) * i, 0, 90 / bands.length, 60, hue)).join("");

const horizontal = (...bands: Hue[]) =>
  bands.map((hue, i) => field(0, (60 / bands.length) * i, 90, 60 / bands.length, hue)).join("");

const nordicCross = (ground: Hue, cross: Hue) =>
  field(0, 0, 90, 60, ground) + field(27, 0, 13, 60, cross) + field(0, 23.5, 90, 13, cross);

const disc = (ground: Hue, hue: Hue) => field(0, 0, 90, 60, ground) + circle(0, 0, 18, { fill: hues[hue] });

const designs: Readonly<Record<string, string>> = {
  France: vertical("blue", "white", "red"),
  Italy: vertical("green", "white", "red"),
  Ireland: vertical("green", "white", "orange"),
  Belgium: vertical("black", "yellow", "red"),
  Germany: horizontal("black", "red", "yellow"),
  Hungary: horizontal("red", "white", "green"),
  Poland: horizontal("white", "red"),
  Ukraine: horizontal("blue", "yellow"),
  Sweden: nordicCross("blue", "yellow"),
  Denmark: nordicCross("red", "white"),
  Japan: disc("white", "red"),
  Bangladesh: disc("green", "red"),
};

const hoisted =
  (design: string): Draw =>
  (random, { outline }) => {
    const border = rect(left, top, 90, 60, { fill: "none", stroke: outline, "stroke-width": 2 });
    const transform = `scale(1 ${random.uniform(0.85, 1.15).toFixed(2)})`;
    return group({ transform }, design, border);
  };

export const flags: ConceptGroup = {
  kind: "flag",
  phrase: "flag of {}",
  colourable: false,
  concepts: Object.fromEntries(Object.entries(designs).map(([name, design]) => [name, hoisted(design)])),
};
