import {
  columnNamed,
  columnOfParts,
  isPartWord,
  otherParts,
  partOfCell,
  seemsPart,
  unreadParts,
} from "./part-column.js";
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
 * The part of each sample by a field, which is found by its name or its values unless it is given.
 * @param parts that the names of the shards tell; these go before the field
 * @param warnings gets what was found, and fields that seem to tell a part and are not used
 * @returns nothing where no field is read
 * @throws if the field tells no part in a sample
 */
export function partsOfSamples(
  splitField: string | undefined,
  samples: readonly PartSample[],
  parts: readonly Part[] | undefined,
  warnings: string[],
): Part[] | undefined {
  const names = new Set(samples.flatMap(({ fields }) => [...fields.keys()]));
  const columns = new Map([...names].map((name) => [name, samples.map(({ fields }) => fields.get(name))]));
  const split = columnNamed(names, "split");
  const named = split !== undefined && columns.get(split)?.some(isPartWord) ? split : undefined;
  const field = splitField ?? named ?? columnOfParts(columns);
  if (field === undefined) {
    if (parts === undefined) warnings.push(...unreadParts(names));
    return undefined;
  }
  const values = columns.get(field) ?? samples.map(() => undefined);
  if (parts !== undefined) {
    warnings.push(...otherParts(field, values, parts, "splitField"));
    return undefined;
  }
  if (splitField === undefined) warnings.push(`The parts are those of the field "${field}".`);
  return values.map((value, i) => partOfCell(value, field, samples[i]?.place ?? ""));
}
