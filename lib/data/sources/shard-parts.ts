import { isPartWord, partsOfTable, seemsPart } from "./part-column.js";
import type { Part } from "./part-names.js";

/** A sample of a shard, as far as it may tell its part. */
export interface PartSample {
  /** Those fields of its `.json` file that may tell a part. */
  readonly fields: ReadonlyMap<string, unknown>;
  /** Shard and image, for messages. */
  readonly place: string;
}

/** The fields that may tell a part, or that look so. @param given name of a field that does */
export function partFields(content: Readonly<Record<string, unknown>>, given?: string): Map<string, unknown> {
  const told = ([name, value]: [string, unknown]) => name === given || seemsPart(name) || isPartWord(value);
  return new Map(Object.entries(content).filter(told));
}

/**
 * The part of each sample, as {@link partsOfTable} finds it.
 * @param parts that the names of the shards tell; nothing where they tell none
 * @throws if the field tells no part in a sample
 */
export function partsOfSamples(
  splitField: string | undefined,
  samples: readonly PartSample[],
  parts: readonly Part[] | undefined,
  warnings: string[],
): Part[] | undefined {
  const names = new Set(samples.flatMap(({ fields }) => [...fields.keys()]));
  if (splitField !== undefined) names.add(splitField);
  const columns = new Map([...names].map((name) => [name, samples.map(({ fields }) => fields.get(name))]));
  const placeOf = (i: number): string => samples[i]?.place ?? "";
  const option = "splitField";
  return partsOfTable(splitField, { columns, names, parts, placeOf, option, word: "field" }, warnings);
}
