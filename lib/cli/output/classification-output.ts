import type { FileClassification } from "../../data/index.js";

/** Prints results one after another, in their order. */
export interface ClassificationOutput {
  add(result: FileClassification): void;
  end(): void;
}

type Print = (text: string) => void;

/** One JSON array, of which each result is printed when it is there. */
export function jsonOutput(print: Print): ClassificationOutput {
  let isEmpty = true;
  return {
    add(result) {
      const json = JSON.stringify(result, null, 2).replaceAll(/^/gm, "  ");
      print(`${isEmpty ? "[" : ","}\n${json}`);
      isEmpty = false;
    },
    end: () => print(isEmpty ? "[]\n" : "\n]\n"),
  };
}

/** A line of JSON per image. */
export function jsonLinesOutput(print: Print): ClassificationOutput {
  return { add: (result) => print(`${JSON.stringify(result)}\n`), end: () => {} };
}

export interface TableOptions {
  /** Paths of all results, so that columns are aligned before the first one is there. */
  readonly longestPath: number;
  readonly labels: readonly string[];
  /** Whether the most probable label is bold. */
  readonly color?: boolean;
  /** Characters of a line; longer paths lose their beginning. Default: as many as it takes. */
  readonly width?: number;
}

/** A line per prediction, with the path on the first of each image. Images that cannot be read have none. */
export function tableOutput(print: Print, options: TableOptions): ClassificationOutput {
  const { longestPath, labels, color = false, width = Number.POSITIVE_INFINITY } = options;
  const labelWidth = longest(["Label", ...labels]);
  const room = width - labelWidth - "  ".length - "  100.0".length;
  const pathWidth = Math.min(Math.max("Image".length, longestPath), Math.max(room, 16));
  const line = (path: string, label: string, percent: string) =>
    `${path.padEnd(pathWidth)}  ${label.padEnd(labelWidth)}  ${percent.padStart(5)}`;
  let isEmpty = true;
  return {
    add(result) {
      if ("error" in result) return;
      if (isEmpty) print(`${line("Image", "Label", "%")}\n${"─".repeat(line("", "", "").length)}\n`);
      isEmpty = false;
      for (const [rank, { label, probability }] of result.predictions.entries()) {
        const path = rank === 0 ? cutStart(result.path, pathWidth) : "";
        const text = line(path, label, (100 * probability).toFixed(1));
        print(color && rank === 0 ? `\x1b[1m${text}\x1b[0m\n` : `${text}\n`);
      }
    },
    end() {},
  };
}

function longest(texts: readonly string[]): number {
  return texts.reduce((most, { length }) => Math.max(most, length), 0);
}

function cutStart(text: string, length: number): string {
  return text.length > length ? `…${text.slice(text.length - length + 1)}` : text;
}
