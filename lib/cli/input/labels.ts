import { isDamagedText, printable, readTextFile, UsageError } from "../../options/index.js";

export interface LabelFlags {
  /** Separated by commas. */
  readonly labels?: string;
  /** Path of a text file with a label on each line. */
  readonly labelsFile?: string;
}

/**
 * Labels from the command line or from a file.
 * @throws UsageError if there are none, two are the same, or one is damaged
 */
export function readLabels({ labels, labelsFile }: LabelFlags): string[] {
  if ((labels === undefined) === (labelsFile === undefined)) {
    throw new UsageError(
      `Labels: expected --labels or --labels-file, got ${labels === undefined ? "neither" : "both"}. Give one of them.`,
    );
  }
  const source = labelsFile === undefined ? "--labels" : labelsFile;
  const listed = (
    labelsFile === undefined
      ? labels!.split(",")
      : readTextFile(labelsFile, `--labels-file ${labelsFile}`).split("\n")
  )
    .map((label) => label.trim())
    .filter((label) => label !== "");
  if (listed.length === 0)
    throw new UsageError(`${source}: expected at least one label, got none. Name what the images may show.`);
  const repeated = listed.find((label, i) => listed.indexOf(label) !== i);
  if (repeated !== undefined)
    throw new UsageError(`${source}: expected different labels, got '${repeated}' twice. Leave one out.`);
  const damaged = listed.find(isDamagedText);
  if (damaged !== undefined)
    throw new UsageError(
      `${source}: expected labels of letters, got '${printable(damaged)}' with a control character or a lost letter. Write it anew.`,
    );
  return listed;
}
