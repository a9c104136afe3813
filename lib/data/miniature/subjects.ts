import type { Random } from "../random.js";
import {
  animals,
  type ConceptGroup,
  digits,
  flags,
  flowers,
  objects,
  type Palette,
  signs,
  textures,
  vehicles,
} from "./concepts/index.js";
import type { Filter } from "./filters.js";
import { placed, rect } from "./svg.js";

/** A picture of the pre-training mixture before it is rasterised. */
export interface CaptionedDrawing {
  readonly caption: string;
  /** SVG in the box from (-50, -50) to (50, 50). */
  readonly drawing: string;
}

export const darkColours = {
  red: "#c81e28",
  green: "#1f7a34",
  blue: "#2450b4",
  purple: "#6a35a4",
  brown: "#6e4424",
  black: "#1c1c20",
};
export const lightColours = {
  white: "#fafaf8",
  yellow: "#f6d94a",
  orange: "#f7b060",
  pink: "#f4b4cc",
  turquoise: "#8adcd4",
  gray: "#cfd2d6",
};
export const colours: Readonly<Record<string, string>> = { ...darkColours, ...lightColours };

/** Names of the colours that stand out from that one. */
export const contrasting = (colour: string) =>
  Object.keys(colour in darkColours ? lightColours : darkColours);
/** Another one as dark or as light. */
export const similar = (random: Random, colour: string) =>
  random.choice(contrasting(random.choice(contrasting(colour))));
export const hex = (colour: string) => colours[colour] as string;

const groups: readonly ConceptGroup[] = [animals, digits, flags, flowers, objects, signs, textures, vehicles];
const entries = groups.flatMap((group) => Object.keys(group.concepts).map((name) => ({ group, name })));

export interface Subject {
  /** The concept's own phrase, such as "car". */
  readonly name: string;
  /** Noun phrase without an article, such as "red car". */
  readonly words: string;
  readonly kind: string;
  draw(): string;
}

/** A random concept in random colours; `ground` is the colour it must stand out from. */
export function subject(random: Random, ground: string): Subject {
  const { group, name } = random.choice(entries);
  const ink = random.choice(contrasting(ground));
  const paper = random.choice(contrasting(ink));
  const palette: Palette = {
    ink: hex(ink),
    paper: hex(paper),
    outline: ground in darkColours ? "#ece8e0" : "#222226",
  };
  const named = group.phrase.replace("{}", name);
  const words = group.colourable && random.chance(0.25) ? `${ink} ${named}` : named;
  return {
    name: named,
    words,
    kind: group.kind,
    draw: () => (group.concepts[name] as ConceptGroup["concepts"][string])(random, palette),
  };
}

export const article = (words: string) => (/^[aeiou]/i.test(words) ? `an ${words}` : `a ${words}`);

/** The three channels of a `#rrggbb` colour, each in 0–1. */
export const rgb = (code: string) => [1, 3, 5].map((at) => Number.parseInt(code.slice(at, at + 2), 16) / 255);

export const backdrop = (fill: string, filter?: Filter) =>
  rect(-60, -60, 120, 120, { fill, filter: filter?.reference });

export const upright = (random: Random, size: number, drawing: string) =>
  placed(random.uniform(-6, 6), random.uniform(-6, 6), random.uniform(-12, 12), size, drawing);

/** A picture with what it shows. */
export interface Picture extends CaptionedDrawing {
  readonly things: readonly Subject[];
}

/** Two things beside each other. */
export function pair(random: Random, ground: string): Picture {
  const things = [subject(random, ground), subject(random, ground)] as const;
  const [first, second] = things;
  const tilt = random.uniform(-14, 14);
  const drawing =
    backdrop(hex(ground)) +
    placed(-24, tilt, random.uniform(-10, 10), random.uniform(0.42, 0.52), first.draw()) +
    placed(24, -tilt, random.uniform(-10, 10), random.uniform(0.42, 0.52), second.draw());
  return { caption: `${article(first.words)} and ${article(second.words)}`, drawing, things };
}
