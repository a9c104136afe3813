import type { Run } from "../run.js";
import { type NewerTables, newerTables } from "./newer.js";
import type { ComparedRow, PaperTable, TablePart } from "./paper-table.js";
import { printedTables } from "./printed.js";
import { compare } from "./rows.js";
import { findStreams, type Stream } from "./streams.js";

const metrics = ["transfer", "average", "last"] as const;
const titles = { "x-tail": "X-TAIL", mtil: "MTIL" } as const;

type NewerTable = NewerTables["tables"][number];

/**
 * Table 6: what later papers print for these streams, and our runs where protocol, datasets, order and images
 * per class agree.
 */
export function newerComparison(runs: readonly Run[]): PaperTable {
  const { sources, tables } = newerTables();
  const streams = findStreams(runs);
  const cited = Object.values(sources).map(
    ({ name, paper, via }) => `${name}: ${paper}, numbers from ${via}.`,
  );
  return {
    number: 6,
    name: "table-6",
    title: "Results that later papers print",
    caption:
      "Means over the datasets of arXiv:2412.01004 in its order, CLIP ViT-B/16, in percent. Papers differ in prompts, splits and iterations: " +
      "compare rows of one source.",
    notes: [...new Set(cited), ...tables.flatMap(({ doubt }) => doubt ?? [])],
    parts: groupBy(tables, ({ protocol, shots }) => `${protocol} ${shots}`).map((group) =>
      settingPart(group, streams),
    ),
    missing: [],
  };
}

/** The rows of all sources for one protocol and number of images. */
function settingPart(group: [NewerTable, ...NewerTable[]], streams: readonly Stream[]): TablePart {
  const [{ protocol, shots }] = group;
  const stream = streams.find((each) => agrees(each, protocol, shots));
  const published = group.flatMap(({ source, rows }) =>
    rows.map((row) => ({ ...row, source: newerTables().sources[source]?.name ?? source })),
  );
  const alike = groupBy(published, ({ method, values }) => `${method} ${values}`);
  return {
    title: `${titles[protocol]}, ${shots === null ? "all images" : `${shots} images per class`}: overall (%)`,
    columns: ["Transfer", "Average", "Last"],
    best: "highest",
    unit: "accuracy",
    digits: 1,
    rows: alike
      .map((rows): ComparedRow => {
        const [{ method, label, values }] = rows;
        const row = compare(
          stream,
          method,
          (run) => metrics.map((name) => run.metrics?.[name].overall),
          values.map((value) => value ?? undefined),
        );
        const names = [...new Set(rows.map(({ source }) => source))].join(", ");
        return { ...row, ...(label !== undefined && { label }), publishedIn: names };
      })
      .toSorted((a, b) => a.label.localeCompare(b.label, "en")),
  };
}

/** Whether a stream has the paper's datasets in its order, learned from as many images. */
function agrees({ protocol, datasets, methods }: Stream, wanted: Stream["protocol"], shots: number | null) {
  const [first] = methods.values();
  const used = first?.runs[0].info.config.shots ?? null;
  return protocol === wanted && used === shots && datasets.join() === printedTables()[wanted].datasets.join();
}

/** Values with the same key together, in the order in which the keys come. */
function groupBy<T>(values: readonly T[], key: (value: T) => string): [T, ...T[]][] {
  const groups = new Map<string, [T, ...T[]]>();
  for (const value of values) {
    const group = groups.get(key(value));
    if (group) group.push(value);
    else groups.set(key(value), [value]);
  }
  return [...groups.values()];
}
