import { groupByLabel } from "../group-by-label.js";
import { permutation } from "../permutation.js";
import { Random } from "../random.js";
import type { Example, RandomSplit } from "../types.js";

export interface Unsplit {
  readonly name: string;
  readonly classes: readonly string[];
  readonly examples: readonly Example[];
}

/**
 * Splits each class by a seeded draw, keeping the order of the images within both parts. Each part gets at
 * least one image of a class.
 * @throws if the fraction is not between 0 and 1, or a class has fewer than two images
 */
export function splitRandomly(
  { name, classes, examples }: Unsplit,
  { trainFraction, seed }: RandomSplit,
): { train: Example[]; test: Example[] } {
  if (!(trainFraction > 0 && trainFraction < 1)) {
    throw new RangeError(
      `trainFraction of ${name}: expected a number between 0 and 1, got ${trainFraction}. Use 0.8 for four fifths.`,
    );
  }
  const groups = groupByLabel(examples, classes.length);
  const train: Example[] = [];
  const test: Example[] = [];
  for (const [label, className] of classes.entries()) {
    const members = groups[label] as number[];
    if (members.length < 2) {
      throw new Error(
        `Class "${className}" of ${name}: expected at least 2 images to split into training and testing, got ${members.length}. Add images.`,
      );
    }
    const count = Math.min(Math.max(Math.round(members.length * trainFraction), 1), members.length - 1);
    const order = permutation(members.length, new Random(JSON.stringify(["split", seed, name, className])));
    const chosen = new Set(order.slice(0, count));
    for (const [i, member] of members.entries())
      (chosen.has(i) ? train : test).push(examples[member] as Example);
  }
  return { train, test };
}
