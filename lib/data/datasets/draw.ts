import * as torch from "../../torch/index.js";
import { groupByLabel } from "../group-by-label.js";
import { permutation } from "../permutation.js";
import { Random } from "../random.js";
import type { Example } from "../types.js";
import type { Contents, CoopSplit } from "./descriptor.js";

const seed = 42; // of the MTIL benchmark

/**
 * The split of the MTIL benchmark for datasets without an official one. It takes four fifths of all images,
 * whatever their class, by PyTorch's generator with seed 42 as `torch.utils.data.random_split` does. Code:
 * github.com/Thunderbeee/ZSCL.
 * @param examples in the order of torchvision
 */
export function drawMtilSplit(examples: readonly Example[]): Omit<Contents, "classes"> {
  const trainFraction = 0.8;
  const order = torch.scope(() => {
    const generator = torch.generator(seed);
    const indices = torch.randperm(examples.length, { generator }).toArray() as bigint[];
    return indices.map(Number);
  });
  const chosen = new Set(order.slice(0, Math.trunc(trainFraction * examples.length)));
  return {
    train: examples.filter((_, index) => chosen.has(index)),
    validation: [],
    test: examples.filter((_, index) => !chosen.has(index)),
    split: { trainFraction, seed },
  };
}

/**
 * A split by the rule of CoOp's split files: half of each class for training and a fifth for validation. If
 * the official test images are kept, it is a fifth of the training images for validation. The draw itself is
 * not CoOp's, whose seed is unknown.
 */
export function drawCoopSplit(contents: Contents, drawn: CoopSplit["drawn"], seed: number): Contents {
  const fixedTest = drawn === "train";
  const all = fixedTest ? contents.train : [...contents.train, ...contents.validation, ...contents.test];
  const examples = all.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const parts: Record<"train" | "validation" | "test", Example[]> = { train: [], validation: [], test: [] };
  for (const [label, members] of groupByLabel(examples, contents.classes.length).entries()) {
    const random = new Random(JSON.stringify(["coop", seed, label]));
    const order = permutation(members.length, random).map((i) => examples[members[i] as number] as Example);
    const validation = roundHalfToEven(0.2 * members.length);
    const train = fixedTest ? members.length - validation : roundHalfToEven(0.5 * members.length);
    parts.train.push(...order.slice(0, train));
    parts.validation.push(...order.slice(train, train + validation));
    parts.test.push(...order.slice(train + validation));
  }
  return {
    ...contents,
    ...parts,
    test: fixedTest ? contents.test : parts.test,
    split: { trainFraction: fixedTest ? 0.8 : 0.5, seed },
    warnings: [
      ...(contents.warnings ?? []),
      `The split was drawn with seed ${seed}: results cannot be compared with published ones, which use CoOp's split file.`,
    ],
  };
}

/** Python's `round`. */
function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  return value - floor === 0.5 ? floor + (floor % 2) : Math.round(value);
}
