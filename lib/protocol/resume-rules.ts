import { isDeepStrictEqual } from "node:util";
import { methods } from "../methods/index.js";
import type { RunRecord, Samples } from "../records/index.js";

/**
 * The settings of a run that may change when it is resumed, with the condition for each. Everything else must
 * be the same; docs/growing.md has the table. Output folder, evaluation batch size and cache are not
 * recorded, so they are free.
 */
export const changeable: Readonly<Record<string, string>> = {
  device: "from here on, the run computes there",
  precision: "from here on, the run computes in it",
  evaluationPrecision: "from here on, test images are encoded so",
  model: "the weights are those that the run started from",
  tokenizer: "the weights are those that the run started from",
  activation: "the weights are those that the run started from",
  allowPickle: "the weights are those that the run started from",
  limitInputPixels: "limits change no pixel",
  decodeTimeoutSeconds: "limits change no pixel",
  datasets: "classes, templates and images are those of the run; new datasets come after them",
  holdOuts: "classes, templates and images are those of the run",
  reference: "images and texts are those of the run",
  guard: "from the latest task on, tasks are measured by it",
};

/** A difference: its name for a summary, and lines that say how. */
interface Difference {
  readonly name: string;
  readonly lines: readonly string[];
}

/** A run that goes on: its record from here on, and what has changed in it. */
export interface Continuation {
  readonly record: RunRecord;
  /** Fields of the configuration, before and after. */
  readonly changed: Readonly<Record<string, { readonly from: unknown; readonly to: unknown }>>;
  readonly isGrown: boolean;
}

/** Both sides of a comparison: the run in a directory, and the one that would begin now. */
export interface Sides<T> {
  readonly found: T;
  readonly fresh: T;
}

/**
 * The run that is there already, as the one that would begin now goes on with it.
 * @throws if it cannot, saying what differs
 */
export function continueRecord(
  { found, fresh }: Sides<RunRecord>,
  images: Sides<Samples>,
  path: string,
): Continuation {
  const [before, after] = [withDefaults(found), toJson(fresh.config) as RunRecord["config"]];
  const fields = Array.from(new Set([...Object.keys(before), ...Object.keys(after)]));
  const other = fields.filter((field) => !isDeepStrictEqual(before[field], after[field]));
  const free = other.filter((field) => Object.hasOwn(changeable, field));
  const bound = other.filter((field) => !free.includes(field));
  const known = { images, isEarlier: found.modelFingerprint === undefined };
  const different = [
    ...(["method", "protocol", "seed"] as const).flatMap((key) => differences(found[key], fresh[key], key)),
    ...bound.flatMap((field) => differences(before[field], after[field], `config.${field}`)),
    ...modelDifferences({ found, fresh }),
    ...datasetDifferences("datasets", { found: found.datasets, fresh: fresh.datasets }, known, true),
    ...datasetDifferences(
      "holdOuts",
      { found: found.holdOuts ?? [], fresh: fresh.holdOuts ?? [] },
      known,
      false,
    ),
    ...referenceDifferences(found.reference, fresh.reference),
    ...inheritedDifferences(found.inherited, fresh.inherited),
  ];
  if (different.length > 0) {
    const details = different.flatMap(({ lines }) => lines).map((line) => `\n  ${line}`);
    throw new Error(
      `${path} holds a run that differs in ${different.map(({ name }) => name).join(", ")}: expected the same to resume it. ` +
        `Use the configuration in its run.json, or name another directory.${details.join("")}`,
    );
  }
  const isGrown = fresh.datasets.length > found.datasets.length;
  return {
    record: {
      ...found,
      config: { ...found.config, ...after },
      datasets: [...found.datasets, ...fresh.datasets.slice(found.datasets.length)],
      modelFingerprint: found.modelFingerprint ?? fresh.modelFingerprint,
      finishedAt: isGrown ? null : found.finishedAt,
    },
    changed: Object.fromEntries(
      free.map((field) => [field, { from: before[field] ?? null, to: after[field] ?? null }]),
    ),
    isGrown,
  };
}

/** Runs of earlier versions do not say which weights they started from: there the path decides. */
function modelDifferences({ found, fresh }: Sides<RunRecord>): Difference[] {
  if (found.modelFingerprint !== undefined) {
    if (found.modelFingerprint === fresh.modelFingerprint) return [];
    const [from, to] = [found.config.model, fresh.config.model].map((model) => JSON.stringify(model));
    const line = `model: weights or preprocessing of ${to} are not those of ${from} that the run started from`;
    return [{ name: "config.model", lines: [line] }];
  }
  return differences(found.config.model, fresh.config.model, "config.model").map(({ name, lines }) => ({
    name,
    lines: [...lines, "the run does not say which weights it started from, so the path has to be the same"],
  }));
}

/** Facts of the images, and whether an earlier version recorded the run. */
interface Known {
  readonly images: Sides<Samples>;
  readonly isEarlier: boolean;
}

type Described = Pick<
  RunRecord["datasets"][number],
  "name" | "classes" | "template" | "templates" | "testImages" | "fingerprint"
> & { readonly trainImages?: number };

function datasetDifferences(
  name: "datasets" | "holdOuts",
  { found, fresh }: Sides<readonly Described[]>,
  known: Known,
  mayGrow: boolean,
): Difference[] {
  const kind = name === "datasets" ? "dataset" : "hold-out";
  const compared = found.flatMap((before, i) => {
    const after = fresh[i];
    if (after?.name === before.name) return compareDataset(kind, { found: before, fresh: after }, known);
    const now = after === undefined ? "nothing" : `'${after.name}'`;
    return [`${kind} ${i + 1}: '${before.name}' in the run, ${now} now`];
  });
  const added = mayGrow
    ? []
    : fresh.slice(found.length).map((after) => `${kind} '${after.name}' is not in the run`);
  const lines = [...compared, ...added];
  return lines.length === 0 ? [] : [{ name, lines }];
}

function compareDataset(
  kind: string,
  { found, fresh }: Sides<Described>,
  { images, isEarlier }: Known,
): string[] {
  const about = `${kind} '${found.name}'`;
  const classes = isDeepStrictEqual(found.classes, fresh.classes);
  const templatesOf = ({ template, templates }: Described): string[] =>
    isEarlier ? [template] : (templates ?? [template]); // earlier versions recorded the first one only
  const [before, after] = [templatesOf(found), templatesOf(fresh)];
  const lines = [
    ...(classes
      ? []
      : [`${about}: classes ${inBrief(found.classes)} in the run, ${inBrief(fresh.classes)} now`]),
    ...(isDeepStrictEqual(before, after)
      ? []
      : [`${about}: templates ${inBrief(before)} in the run, ${inBrief(after)} now`]),
  ];
  if (found.fingerprint === fresh.fingerprint || !classes) return lines;
  return [...lines, ...imageDifferences(about, { found, fresh }, images)];
}

/** Which images differ, as far as the run says what they were; else how many there are. */
function imageDifferences(
  about: string,
  { found, fresh }: Sides<Described>,
  images: Sides<Samples>,
): string[] {
  const [before, after] = [images.found[found.name]?.images, images.fresh[fresh.name]?.images];
  const lines = (["train", "test"] as const).flatMap((part) => {
    const what = part === "train" ? "training images" : "test images";
    const [old, now] = [before?.[part], after?.[part]];
    if (old === undefined || now === undefined) return [];
    const added = Object.keys(now).filter((name) => !Object.hasOwn(old, name));
    const removed = Object.keys(old).filter((name) => !Object.hasOwn(now, name));
    const changed = Object.keys(now).filter((name) => Object.hasOwn(old, name) && old[name] !== now[name]);
    return [
      ["added", added],
      ["missing", removed],
      ["changed", changed],
    ].flatMap(([how, names]) =>
      names?.length === 0 ? [] : [`${about}: ${what} ${how}: ${inBrief(names as string[])}`],
    );
  });
  if (lines.length > 0) return lines;
  const count = ({ trainImages, testImages }: Described): string =>
    [...(trainImages === undefined ? [] : [`${trainImages} training`]), `${testImages} test`].join(" and ");
  return [
    `${about}: its images are not those of the run (${count(found)} images in the run, ${count(fresh)} now)`,
  ];
}

/** Its name is that of a folder, which may move. */
function referenceDifferences(found: RunRecord["reference"], fresh: RunRecord["reference"]): Difference[] {
  if (found === undefined || fresh === undefined) return differences(found, fresh, "reference");
  return differences({ ...found, name: "" }, { ...fresh, name: "" }, "reference");
}

/** Runs of earlier versions do not say what they began with. */
function inheritedDifferences(found: RunRecord["inherited"], fresh: RunRecord["inherited"]): Difference[] {
  if (found === undefined || found?.fingerprint === fresh?.fingerprint) return [];
  const [before, now] = [found, fresh].map((record) => (record ? `those of ${inWords(record)}` : "none"));
  const line = `statistics beside the model: ${before} in the run, ${found && fresh ? "others, " : ""}${now} now`;
  return [{ name: "inherited statistics", lines: [line] }];
}

function inWords({ datasets }: NonNullable<RunRecord["inherited"]>): string {
  return inBrief(datasets.map(({ name }) => name));
}

/**
 * The configuration of a run, with options that codyra did not have when it was recorded. One that is missing
 * stands at its default, which is what the run did. The same holds for precision: encoders computed in
 * float32.
 */
function withDefaults({ config, method, protocol }: RunRecord): RunRecord["config"] {
  const known = { precision: "fp32", ...config };
  if (!isRecord(config.options)) return known;
  const definition = methods.find(({ name }) => name === method);
  try {
    return { ...known, options: toJson(definition?.resolve(config.options, protocol) ?? config.options) };
  } catch {
    return known; // options that no longer fit are told as what differs
  }
}

/** Paths at which two values from JSON differ, such as `config.options.rank`. Arrays count as a whole. */
function differences(found: unknown, fresh: unknown, path: string): Difference[] {
  if (isDeepStrictEqual(found, fresh)) return [];
  if (!isRecord(found) || !isRecord(fresh)) {
    return [{ name: path, lines: [`${path}: ${inBrief(found)} in the run, ${inBrief(fresh)} now`] }];
  }
  const keys = new Set([...Object.keys(found), ...Object.keys(fresh)]);
  return Array.from(keys).flatMap((key) => differences(found[key], fresh[key], `${path}.${key}`));
}

/** The beginning of a long list. */
function inBrief(value: unknown): string {
  if (!Array.isArray(value)) return JSON.stringify(value) ?? "nothing";
  const shown = value.slice(0, 5).map((each) => (typeof each === "string" ? each : JSON.stringify(each)));
  return value.length > 5 ? `${shown.join(", ")} and ${value.length - 5} more` : shown.join(", ");
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** As it will be read back from the file. */
function toJson(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}
