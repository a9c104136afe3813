import {
  animals,
  type ConceptGroup,
  digits,
  flags,
  flowers,
  signs,
  textures,
  vehicles,
} from "./concepts/index.js";
import { blueprint, chalk, closeUp, dashcam, meadow, type Style, snapshot, waving } from "./styles.js";

/**
 * One task of the miniature benchmark: a group of concepts, drawn in a style the pre-training never shows.
 */
export interface MiniatureDomain {
  readonly name: string;
  /** Class names; a label is an index into this list. */
  readonly classes: readonly string[];
  /** The prompt of a class: `{}` stands for its name. */
  readonly template: string;
  /** @internal */
  readonly group: ConceptGroup;
  /** @internal */
  readonly style: Style;
}

const domain = (name: string, template: string, group: ConceptGroup, style: Style): MiniatureDomain => ({
  name,
  classes: Object.keys(group.concepts),
  template,
  group,
  style,
});

/** The domains of the miniature world in task order. Class names are unique across domains. */
export const miniatureDomains: readonly MiniatureDomain[] = [
  domain("animals", "a photo of a {}, a type of animal.", animals, snapshot),
  domain("digits", "a photo of the number {}.", digits, chalk),
  domain("flags", "a photo of the flag of {}.", flags, waving),
  domain("flowers", "a photo of a {}, a type of flower.", flowers, meadow),
  domain("signs", "a photo of a {} sign.", signs, dashcam),
  domain("textures", "a photo of a {} pattern.", textures, closeUp),
  domain("vehicles", "a photo of a {}, a type of vehicle.", vehicles, blueprint),
];

/** The domain of that name; throws when there is none. */
export function miniatureDomain(name: string): MiniatureDomain {
  const found = miniatureDomains.find((domain) => domain.name === name);
  if (found) return found;
  const known = miniatureDomains.map((domain) => domain.name).join(", ");
  throw new Error(`No miniature domain is called "${name}". Expected one of ${known}. Correct the name.`);
}
