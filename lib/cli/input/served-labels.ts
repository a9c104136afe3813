import { resolveModel } from "../../experiment/index.js";
import { UsageError } from "../../options/index.js";
import { findHead, readHead } from "../../protocol/index.js";
import { scope } from "../../torch/index.js";
import { type LabelFlags, readLabels } from "./labels.js";

interface ServedFlags extends LabelFlags {
  readonly model: string;
  readonly template?: readonly string[];
  readonly dataset?: string;
  /** False after `--no-head`. */
  readonly head?: boolean;
}

/**
 * The candidate labels of an image: the classes of the head beside a model, or else the labels given.
 * @throws UsageError if both are there or neither, or the head's classes do not compete all together
 */
export function labelsOf(flags: ServedFlags): { labels: string[]; isServed: boolean } {
  const file = flags.head === false ? undefined : findHead(resolveModel(flags.model));
  if (file === undefined) {
    if (flags.dataset === undefined) return { labels: readLabels(flags), isServed: false };
    throw new UsageError(
      `--dataset: expected a model with a head beside it, got ${flags.model}, which has none. Leave --dataset out.`,
    );
  }
  const given = (["labels", "labelsFile", "template"] as const).find((name) => flags[name] !== undefined);
  if (given !== undefined) {
    const flag = given === "labelsFile" ? "labels-file" : given;
    throw new UsageError(
      `--${flag}: ${flags.model} has a head that knows its classes and templates: expected none, got some. ` +
        "Leave them out, or pass --no-head for CLIP's weights alone.",
    );
  }
  const { datasets, protocol } = scope(() => readHead(file));
  const names = datasets.map(({ name }) => name);
  const chosen = datasets.filter(({ name }) => flags.dataset === undefined || name === flags.dataset);
  if (chosen.length === 0 || (protocol === "mtil" && chosen.length > 1)) {
    const got = flags.dataset === undefined ? "none" : `'${flags.dataset}'`;
    throw new UsageError(
      `--dataset: expected the dataset that the images are of (${names.join(", ")}), got ${got}. Name one.`,
    );
  }
  return { labels: chosen.flatMap(({ classes }) => classes), isServed: true };
}
