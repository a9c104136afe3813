import { groupByLabel } from "../group-by-label.js";
import { permutation } from "../permutation.js";
import { Random } from "../random.js";
import type { Dataset, Example, FewShotSample } from "../types.js";

/**
 * Draws `shots` training images of each class without replacement, or with replacement for a class that has
 * fewer.
 *
 * The draw depends only on the seed, the names of dataset and class, and the number and order of the class's
 * images. So it is the same whatever ran before, other classes do not change it, and fewer shots are the
 * beginning of more shots.
 * @throws if `shots` is not a positive integer, or a class has no training image
 */
export function sampleFewShot(
  dataset: Pick<Dataset, "name" | "classes" | "train">,
  { shots, seed }: { shots: number; seed: number },
): FewShotSample {
  if (!Number.isInteger(shots) || shots < 1) {
    throw new RangeError(
      `shots of ${dataset.name}: expected a positive integer, got ${shots}. Use 16, as X-TAIL does, or leave it out.`,
    );
  }
  const members = groupByLabel(dataset.train, dataset.classes.length);
  const indices: number[] = [];
  const short: { className: string; available: number }[] = [];
  for (const [label, className] of dataset.classes.entries()) {
    const available = members[label] as number[];
    if (available.length === 0) {
      throw new Error(
        `Class "${className}" of ${dataset.name}: expected training images, got none. Add some or remove the class.`,
      );
    }
    const random = new Random(JSON.stringify(["few-shot", seed, dataset.name, className]));
    indices.push(...draw(available, shots, random));
    if (available.length < shots) short.push({ className, available: available.length });
  }
  const names = indices.map((index) => (dataset.train[index] as Example).name);
  return { shots, seed, indices, names, short };
}

function draw(available: readonly number[], count: number, random: Random): number[] {
  if (available.length < count) {
    return Array.from({ length: count }, () => available[random.integer(available.length)] as number);
  }
  return permutation(available.length, random)
    .slice(0, count)
    .map((i) => available[i] as number);
}
