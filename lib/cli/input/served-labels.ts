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
 * The candidate labels of an image: the classes of the head beside a model, or else the labels given. Some
 * heads take these, too.
 * @throws UsageError if the head takes no labels, neither is there, or the head's classes do not compete all
 * together
 */
export function labelsOf(flags: ServedFlags): { labels: string[]; isServed: boolean; areGiven: boolean } {
  const file = flags.head === false ? undefined : findHead(resolveModel(flags.model));
  if (file === undefined) {
    if (flags.dataset === undefined) return { labels: readLabels(flags), isServed: false, areGiven: true };
    throw new UsageError(
      `--dataset: expected a model with a head beside it, got ${flags.model}, which has none. Leave --dataset out.`,
    );
  }
  const { datasets, protocol, takesAnyLabel } = scope(() => readHead(file));
  const given = (["labels", "labelsFile", "template"] as const).find((name) => flags[name] !== undefined);
  if (given !== undefined && takesAnyLabel) {
    if (flags.dataset === undefined) return { labels: readLabels(flags), isServed: true, areGiven: true };
    throw new UsageError(
      "--dataset: expected the classes of a dataset or labels, got both. Leave one of them out.",
    );
  }
  if (given !== undefined) {
    const flag = given === "labelsFile" ? "labels-file" : given;
    throw new UsageError(
      `--${flag}: ${flags.model} has a head that knows its classes and templates: expected none, got some. ` +
        "Leave them out, or pass --no-head for CLIP's weights alone.",
    );
  }
  const names = datasets.map(({ name }) => name);
  const chosen = datasets.filter(({ name }) => flags.dataset === undefined || name === flags.dataset);
  if (chosen.length === 0 || (protocol === "mtil" && chosen.length > 1)) {
    const got = flags.dataset === undefined ? "none" : `'${flags.dataset}'`;
    throw new UsageError(
      `--dataset: expected the dataset that the images are of (${names.join(", ")}), got ${got}. Name one.`,
    );
  }
  return { labels: chosen.flatMap(({ classes }) => classes), isServed: true, areGiven: false };
}
