import type { Random } from "../../random.js";

/** Colours a style hands to a concept. Concepts whose colours define them (flags, signs) ignore it. */
export interface Palette {
  /** The thing itself. */
  readonly ink: string;
  /** Lighter or contrasting parts: windows, the gaps of a pattern. */
  readonly paper: string;
  /** Outlines. */
  readonly outline: string;
}

/** Draws one instance as SVG inside the box from (-50, -50) to (50, 50), differently for every `random`. */
export type Draw = (random: Random, palette: Palette) => string;

/** Concepts of one kind, by name. */
export interface ConceptGroup {
  /** The word for the kind, such as "flower". */
  readonly kind: string;
  /** How a caption speaks of one of them, without an article; `{}` is the name. */
  readonly phrase: string;
  /** Whether the palette's ink is what a viewer would call the concept's colour. */
  readonly colourable: boolean;
  readonly concepts: Readonly<Record<string, Draw>>;
}
