import { promptKey } from "../data/index.js";
import type { LabelGroup, LabelSpace, ProtocolName } from "../methods/index.js";

/** How a dataset is evaluated: the candidate classes, and the column of its first own class. */
export interface Candidates {
  readonly labels: LabelSpace;
  readonly offset: number;
}

/**
 * Candidate classes at test time. MTIL knows the dataset, so its own classes compete. X-TAIL does not: the
 * classes of all datasets compete, learned or not, and keep the same columns throughout.
 * docs/specification.md, section 1.
 */
export function candidates(
  protocol: ProtocolName,
  datasets: readonly LabelGroup[],
  index: number,
): Candidates {
  if (protocol === "mtil") return { labels: { groups: [datasets[index] as LabelGroup] }, offset: 0 };
  const offset = datasets.slice(0, index).reduce((count, group) => count + group.classes.length, 0);
  return { labels: { groups: datasets }, offset };
}

/** Warnings about competing classes of one name: within a dataset, and in X-TAIL across datasets. */
export function duplicateWarnings(protocol: ProtocolName, datasets: readonly LabelGroup[]): string[] {
  const within = datasets.map((dataset) => ({ name: dataset.name, names: duplicateNames([dataset]) }));
  const once = (names: readonly string[]) => [
    ...new Map(names.map((name) => [promptKey(name), name])).values(),
  ];
  const distinct = datasets.map((dataset) => ({ ...dataset, classes: once(dataset.classes) }));
  const across = protocol === "x-tail" ? duplicateNames(distinct) : [];
  return [
    ...within.flatMap(({ name, names }) =>
      names.length === 0
        ? []
        : [`Class names that are twice in ${name} cannot be told apart by name: ${names.join(", ")}.`],
    ),
    ...(across.length === 0
      ? []
      : [`Class names in more than one dataset cannot be told apart by name: ${across.join(", ")}.`]),
  ];
}

/** Warnings about datasets whose only class has nothing to compete with: every image counts as right. */
export function singleClassWarnings(
  protocol: ProtocolName,
  datasets: readonly LabelGroup[],
  holdOuts: readonly LabelGroup[] = [],
): string[] {
  const own = protocol === "mtil" || datasets.length === 1 ? datasets : [];
  return [...own, ...holdOuts]
    .filter(({ classes }) => classes.length === 1)
    .map(
      ({ name, classes }) =>
        `${name} has one class (${classes[0]}) and no other competes with it, so its accuracy is 100 % whatever the model knows. ` +
        "Put other classes beside it.",
    );
}

/**
 * Class names that stand twice. Their text features are equal where their templates are,
 * so in a joint label space the first one wins every tie.
 */
export function duplicateNames(datasets: readonly LabelGroup[]): string[] {
  const seen = new Set<string>();
  const duplicates = new Set<string>();
  for (const name of datasets.flatMap((group) => group.classes)) {
    const key = promptKey(name);
    if (seen.has(key)) duplicates.add(name);
    seen.add(key);
  }
  return Array.from(duplicates);
}
