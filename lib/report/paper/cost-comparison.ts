import { z } from "zod";
import { parseWith, readJson } from "../../records/index.js";
import type { PaperTable } from "./paper-table.js";
import { printedCosts, printedTables } from "./printed.js";

const schema = z.object({
  methods: z.array(
    z.object({
      method: z.string(),
      label: z.string().optional(), // absent in files of earlier versions
      trainable: z.number(),
      inference: z.number(),
      explanation: z.string(),
    }),
  ),
});

/** The part of `codyra analyze cost --json` that Table 4 shows. */
export type CostAnalysis = z.infer<typeof schema>;

/** @throws if the file is not that */
export function readCosts(path: string): CostAnalysis {
  return parseWith(schema, readJson(path), path);
}

/** Table 4: parameters that are trained, and that inference needs beside those of CLIP. */
export function costComparison(analysis: CostAnalysis | undefined): PaperTable {
  const { labels } = printedTables();
  const printed = printedCosts();
  const counted = new Map(analysis?.methods.map((cost) => [cost.method, cost]));
  const methods = Object.keys(printed);
  const labelOf = (method: string) => counted.get(method)?.label ?? labels[method] ?? method;
  const exact = (value: number | undefined) => (value === undefined ? undefined : { mean: value, std: 0 });
  const explanations = new Map<string, string[]>();
  for (const method of methods) {
    const explanation = counted.get(method)?.explanation;
    if (explanation)
      explanations.set(explanation, [...(explanations.get(explanation) ?? []), labelOf(method)]);
  }
  return {
    number: 4,
    name: "table-4",
    title: "Parameters that are trained, and that inference adds",
    caption: "CLIP ViT-B/16, 1,100 classes, 16 images per class. Paper: arXiv:2412.01004.",
    notes: Array.from(explanations, ([text, names]) => `${names.join(", ")}: ${text}`),
    parts: [
      {
        title: "Parameters",
        columns: ["Trained", "Added at inference"],
        best: "none",
        unit: "parameters",
        digits: 2,
        rows: methods.map((method) => ({
          method,
          label: labelOf(method),
          seeds: [],
          ours: [exact(counted.get(method)?.trainable), exact(counted.get(method)?.inference)],
          paper: [printed[method]?.trainable, printed[method]?.inference],
        })),
      },
    ],
    missing: analysis ? [] : [{ label: "all methods", seeds: [], command: "codyra analyze cost --json" }],
  };
}
