import { Tensor } from "../tensor.js";
import { type Archive, ScriptObject } from "./archive-reader.js";
import { NumpyArray } from "./numpy.js";
import { Skipped } from "./pickle.js";

const maxDepth = 100;
const maxValues = 1_000_000; // lists that are shared may lead to more paths than there is time

type Path = readonly unknown[];

/** Every tensor in a value, with the keys that lead to it. */
export function* tensorsIn(
  value: unknown,
  archive: Archive,
  path: Path = [],
  budget = { values: maxValues },
): Generator<[Path, Tensor | Skipped]> {
  budget.values--;
  if (path.length > maxDepth || budget.values < 0) {
    archive.fail(`it holds more than ${maxValues} values, or some nested more than ${maxDepth} deep`);
  }
  if (value instanceof Tensor || value instanceof Skipped) yield [path, value];
  if (value instanceof NumpyArray) {
    yield [path, value.toTensor() ?? archive.skip(`holds an array of NumPy's type '${value.dtype}'`)];
  }
  const members = value instanceof ScriptObject ? value.attributes : value;
  if (members instanceof Map || Array.isArray(members)) {
    for (const [key, member] of members.entries()) yield* tensorsIn(member, archive, [...path, key], budget);
  }
}
