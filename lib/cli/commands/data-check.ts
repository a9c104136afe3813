import { statSync } from "node:fs";
import { Command, Option } from "commander";
import type { DecodeLimits } from "../../clip/index.js";
import type { Dataset, DatasetCheck, DatasetId, SplitSource } from "../../data/index.js";
import type { Config, GuardConfig } from "../../experiment/index.js";
import { jsonText } from "../../files/index.js";
import { decodeLimitsShape, UsageError } from "../../options/index.js";
import { addSettings } from "../input/flags.js";
import { formatChecks } from "../output/data-check-output.js";
import { errorText } from "../output/error-text.js";
import { print } from "../output/print.js";
import { Progress } from "../output/progress.js";

interface CheckFlags extends DecodeLimits {
  root?: string;
  config?: string;
  splitSource?: SplitSource;
  decode?: boolean;
  json?: boolean;
}

/** `codyra data check`: what is there of the datasets, and whether a run can use them. */
export function dataCheckCommand(): Command {
  const command = new Command("check")
    .description("Report which datasets are there and whether a run can use them.")
    .argument("[dataset...]", "datasets of the paper, such as dtd (default: all)")
    .option("--root <dir>", "folder that holds the folders of the datasets")
    .option("-c, --config <file>", "check what this configuration of codyra run needs instead")
    .addOption(
      new Option(
        "--split-source <source>",
        "division into training and test images to check (default: coop)",
      ).choices(["coop", "torchvision"]),
    )
    .option("--decode", "decode every image, rather than only look for its file");
  return addSettings(command, decodeLimitsShape)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
The exit code is 1 if a run could not use one of the named datasets. Without names, all that are there count.
With --config, method, options, model, device, reference and guard are checked as well: where all is ready, a run will not refuse.

Examples:
  $ codyra data check --root datasets
  $ codyra data check --root datasets dtd eurosat --decode
  $ codyra data check --config shop.yaml --json`,
    )
    .action(check);
}

async function check(ids: string[], flags: CheckFlags): Promise<void> {
  checkFlags(ids, flags);
  const {
    checks: found,
    warnings,
    problems,
  } = flags.config === undefined ? await checkRoot(ids, flags) : await checkConfig(flags.config, flags);
  const isOptional = flags.config === undefined && ids.length === 0;
  const present = isOptional ? found.filter(({ status }) => status !== "missing") : found;
  const ok = problems.length === 0 && present.length > 0 && present.every(({ status }) => status === "ready");
  print(
    flags.json
      ? jsonText({ ok, datasets: found, warnings, problems })
      : formatChecks(found, { explainMissing: !isOptional, warnings, problems }),
  );
  process.exitCode = ok ? 0 : 1;
}

function checkFlags(ids: readonly string[], { root, config, splitSource }: CheckFlags): void {
  if ((root === undefined) === (config === undefined)) {
    const got = root === undefined ? "neither" : "both";
    throw new UsageError(`codyra data check: expected --root or --config, got ${got}. Give one of them.`);
  }
  if (config !== undefined && (ids.length > 0 || splitSource !== undefined)) {
    throw new UsageError(
      "codyra data check: expected --config alone, got datasets or --split-source as well. Name those in the configuration.",
    );
  }
}

interface Checked {
  readonly checks: DatasetCheck[];
  /** Warnings that concern several datasets together. */
  readonly warnings: readonly string[];
  /** Reasons why a run would not start, other than its datasets. */
  readonly problems: readonly string[];
}

/** The datasets of the paper below a folder. */
async function checkRoot(ids: readonly string[], flags: CheckFlags): Promise<Checked> {
  const { checkDataset, datasetIds } = await import("../../data/index.js");
  const unknown = ids.filter((id) => !(datasetIds as readonly string[]).includes(id));
  if (unknown.length > 0) {
    throw new UsageError(
      `Datasets: expected some of ${datasetIds.join(", ")}, got ${unknown.join(", ")}. Check the spelling; see --config for your own.`,
    );
  }
  if (!statSync(flags.root!, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Error(`${flags.root}: expected the folder that holds the datasets, got none. Check the path.`);
  }
  const chosen = ids.length === 0 ? datasetIds : (ids as DatasetId[]);
  const { root, splitSource, decode, limitInputPixels, decodeTimeoutSeconds } = flags;
  const limits = { limitInputPixels, decodeTimeoutSeconds };
  const checks = await withProgress(chosen, String, (id, onProgress) =>
    checkDataset(id, { root: root!, splitSource, decode, limits, onProgress }),
  );
  return { checks, warnings: [], problems: [] };
}

/** All that a run would open: its start, the stream, the hold-outs, the reference, and the guard's data. */
async function checkConfig(path: string, { decode, ...flags }: CheckFlags): Promise<Checked> {
  const { checkSource } = await import("../../data/index.js");
  const { checkPrompts, checkReference, equalPromptWarnings, nameOf, openEntry, readConfig, runDirectory } =
    await import("../../experiment/index.js");
  const config = readConfig(path);
  const { datasets, holdOuts, reference } = config;
  const { limitInputPixels = config.limitInputPixels, decodeTimeoutSeconds = config.decodeTimeoutSeconds } =
    flags;
  const limits = { limitInputPixels, decodeTimeoutSeconds };
  const { duplicateWarnings, learnedHoldOutWarnings, RunDirectory, singleClassWarnings } = await import(
    "../../protocol/index.js"
  );
  const { tokenizer, guard, problems } = await startOf(config);
  const opened = new Map<DatasetEntry, Dataset>();
  const checkEntries = (entries: readonly DatasetEntry[], whose = "") =>
    withProgress(entries, nameOf, (entry, onProgress) => {
      const open = async () => {
        const dataset = await openEntry(entry);
        if (tokenizer !== undefined) checkPrompts(tokenizer, dataset);
        opened.set(entry, dataset);
        return dataset;
      };
      return checkSource(`${whose}${nameOf(entry)}`, open, { decode, limits, onProgress });
    });
  const checks = withDistinctNames(await checkEntries([...datasets, ...holdOuts]));
  if (reference !== undefined) checks.push(await checkReference(reference, { decode, limits }));
  if (guard !== undefined) {
    checks.push(...(await checkEntries([...guard.datasets, ...guard.holdOuts], "guard: ")));
    problems.push(...(await guardProblems(guard)));
  }
  const datasetsOf = (entries: readonly DatasetEntry[]) =>
    entries.flatMap((entry) => opened.get(entry) ?? []);
  const stream = datasetsOf(datasets);
  const warnings = [
    ...duplicateWarnings(config.protocol, stream),
    ...singleClassWarnings(config.protocol, stream, datasetsOf(holdOuts)),
    ...learnedHoldOutWarnings(
      stream.map(({ name, train, test }) => ({ name, images: [train, test].flatMap(filesOf) })),
      datasetsOf(holdOuts).map(({ name, test }) => ({ name, images: filesOf(test) })),
    ),
  ];
  if (tokenizer !== undefined) warnings.push(...equalPromptWarnings(config.protocol, tokenizer, stream));
  const directory = runDirectory(config);
  if (new RunDirectory(directory).exists()) warnings.push(takenWarning(directory));
  return { checks, warnings, problems };
}

/** Stands for the contents of images, which are not read here. */
function filesOf(examples: Dataset["test"]): string[] {
  return examples.map(({ file, name }) => `${file}\n${name}`);
}

function takenWarning(directory: string): string {
  return `${directory} holds a run already. \`codyra run --resume\` goes on with it if its configuration is the same; a new one needs another name or output.`;
}

/** The tokenizer of the model, for prompts that are too long; or why a run would not start. */
async function startOf(config: Config) {
  const { openStart } = await import("../../experiment/index.js");
  try {
    const { reader, guard, method } = openStart(config);
    const { tokenizer } = reader;
    reader.dispose();
    method.dispose?.();
    return { tokenizer, guard, problems: [] as string[] };
  } catch (error) {
    return { problems: [errorText(error)] };
  }
}

/** Lists and texts of a guard, which is read before the first task. */
async function guardProblems(guard: GuardConfig): Promise<string[]> {
  const { openGuardData, workObserver } = await import("../../experiment/index.js");
  const { signal } = new AbortController();
  try {
    await openGuardData(guard, { cache: false, progress: workObserver(undefined), signal });
    return [];
  } catch (error) {
    return [errorText(error)];
  }
}

/** A run refuses two of one name, because its tables could not tell them apart. */
function withDistinctNames(checks: readonly DatasetCheck[]): DatasetCheck[] {
  const names = checks.map(({ name }) => name);
  return checks.map((check, i) =>
    names.indexOf(check.name) === i
      ? check
      : {
          ...check,
          status: "unusable",
          problem: `Expected one dataset or hold-out called ${check.name}, got two. Rename one.`,
        },
  );
}

type DatasetEntry = Config["datasets"][number];
type OnProgress = (done: number, total: number) => void;

/** One after another: the images of one dataset are many enough. */
async function withProgress<T>(
  datasets: readonly T[],
  nameOf: (dataset: T) => string,
  checkOne: (dataset: T, onProgress: OnProgress) => Promise<DatasetCheck>,
): Promise<DatasetCheck[]> {
  const progress = new Progress();
  const checks: DatasetCheck[] = [];
  for (const dataset of datasets) {
    const onProgress: OnProgress = (done, total) => {
      if (done === 1) progress.start(`checking ${nameOf(dataset)}`);
      progress.update(done, total);
    };
    checks.push(await checkOne(dataset, onProgress));
    progress.finish();
  }
  return checks;
}
