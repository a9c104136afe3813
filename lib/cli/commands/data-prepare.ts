import { join } from "node:path";
import { Command } from "commander";
import type { DatasetId } from "../../data/index.js";
import type { PreparedDataset, PreparedFile } from "../../experiment/index.js";
import { jsonText } from "../../files/index.js";
import { UsageError } from "../../options/index.js";
import { abortOnInterrupt } from "../interrupt.js";
import { print } from "../output/print.js";
import { Progress } from "../output/progress.js";

interface PrepareFlags {
  root: string;
  download?: boolean;
  json?: boolean;
}

/** `codyra data prepare`: where datasets are obtained, and their archives unpacked into place. */
export function dataPrepareCommand(): Command {
  return new Command("prepare")
    .description("Say where datasets are obtained, and unpack their archives into the layout that runs read.")
    .argument("[dataset...]", "datasets of the paper, such as dtd (default: all)")
    .requiredOption("--root <dir>", "folder that holds the folders of the datasets")
    .option("--download", "download what is missing and anyone may download; mind the licences")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Archives are looked for in the root and in the dataset's folder; tar, tar.gz and zip files are told apart by their content. Files
that are in place are left alone, so that the command can be repeated. Archives are kept: remove them when everything is in place.

Examples:
  $ codyra data prepare --root datasets
  $ codyra data prepare --root datasets --download dtd eurosat
  $ codyra data check --root datasets`,
    )
    .action(prepare);
}

async function prepare(names: string[], flags: PrepareFlags): Promise<void> {
  const { datasetIds } = await import("../../data/index.js");
  const { prepareDataset } = await import("../../experiment/index.js");
  const isKnown = (name: string): name is DatasetId => (datasetIds as readonly string[]).includes(name);
  const unknown = names.filter((name) => !isKnown(name));
  if (unknown.length > 0) {
    throw new UsageError(
      `${unknown.join(", ")}: expected datasets among ${datasetIds.join(", ")}. Check the spelling.`,
    );
  }
  const progress = new Progress();
  const { signal } = abortOnInterrupt(() =>
    progress.say("Stopped. The same command goes on where this one was."),
  );
  const datasets: PreparedDataset[] = [];
  for (const name of names.length > 0 ? names.filter(isKnown) : datasetIds) {
    const options = { root: flags.root, download: flags.download ?? false, signal, progress };
    datasets.push(await prepareDataset(name, options));
  }
  const ok = datasets.every(({ files }) => files.every(({ status }) => status !== "failed"));
  print(flags.json ? jsonText({ ok, datasets }) : datasets.map(formatDataset).join("\n"));
  process.exitCode = ok ? 0 : 1;
}

function formatDataset({ name, title, page, licence, folder, layout, files }: PreparedDataset): string {
  const lines = [`${name}: ${title}. Licence: ${licence}.`, `  ${page}`];
  if (layout !== undefined) lines.push(`  present     in ${folder}, layout of ${layout}`);
  for (const file of files) lines.push(...formatFile(file, folder, page));
  return `${lines.join("\n")}\n`;
}

function formatFile(file: PreparedFile, folder: string, datasetPage: string): string[] {
  const { names, status, optional, url, page, problem } = file;
  const line = `  ${status.padEnd(10)}  ${names.join(" or ")}${optional ? " (optional)" : ""}`;
  if (status === "failed") return [line, `              ${problem}`];
  if (status !== "missing") return [line];
  const source = url
    ? "--download fetches it"
    : `get it from ${page === datasetPage ? "the page above" : page}`;
  return [
    `${line}: ${source}${url ? ", or put it at" : " and put it at"} ${join(folder, names[0] as string)}`,
  ];
}
