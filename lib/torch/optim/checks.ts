import { Tensor } from "../tensor.js";

/** Refuses numbers outside of `0 ≤ value < below`, NaN among them: a step would spoil all parameters. */
export function checkNumbers(
  where: string,
  numbers: Readonly<Record<string, number>>,
  below = Number.POSITIVE_INFINITY,
): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (value >= 0 && value < below) continue;
    const range = below === Number.POSITIVE_INFINITY ? "a number of at least 0" : `0 ≤ ${name} < ${below}`;
    throw new RangeError(`${where}: expected ${range} as ${name}, got ${value}. Pass another.`);
  }
}

/** Refuses what gets no gradient, and so would never be changed. */
export function checkParameters(where: string, parameters: readonly Tensor[]): void {
  if (!Array.isArray(parameters)) {
    throw new TypeError(
      `${where}: expected an array of tensors, got ${typeof parameters}. Pass [parameter] for one.`,
    );
  }
  for (const [i, parameter] of parameters.entries()) {
    if (!(parameter instanceof Tensor)) {
      throw new TypeError(`${where}: expected a tensor as parameter ${i}, got ${typeof parameter}.`);
    }
    if (!parameter.isLeaf) {
      throw new Error(
        `${where}: expected leaves, got the result of an operation as parameter ${i}. Pass what it was computed from, or its detach().`,
      );
    }
  }
}
