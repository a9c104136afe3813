import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { alternate } from "./lib/alternate.mjs";
import { summarize } from "./lib/statistics.mjs";
import { compare } from "./lib/table.mjs";
import { temporaryDirectory } from "./lib/temporary.mjs";
import { timeCommand } from "./lib/time-command.mjs";

export const name = "install";
export const description = "`npm install` of the packed package in a fresh project, against another build";
export const defaults = { rounds: 3, warmUp: 0, against: undefined };

const limit = 0.4;
const own = resolve(import.meta.dirname, "..");
const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];

/**
 * libtorch is in its cache, and npm's packages come from npm's: what is measured is what each installation
 * does anew.
 * @returns rows with the seconds of processors, and of the clock, of whole installations
 */
export async function run({ against, ...config }, report) {
  const directory = await temporaryDirectory();
  try {
    report("packing, compiling the prebuilt package");
    const packed = await pack(own, join(directory, "packed"));
    const prebuilt = (await timeCommand("npm", ["run", "--silent", "prebuilt"], {}, own)).stdout.trim();
    const other = against && (await pack(resolve(against), join(directory, "other")));
    const processor = {};
    const contender = (key, packages) => async () => {
      const project = join(directory, "project");
      await rm(project, { recursive: true, force: true });
      await mkdir(project);
      await writeFile(join(project, "package.json"), "{}");
      const { seconds, cpuSeconds } = await timeCommand(
        "npm",
        ["install", "--prefer-offline", ...quiet, ...packages],
        {},
        project,
      );
      report(`${key}: ${seconds.toFixed(1)} s, ${cpuSeconds.toFixed(1)} s of processors`);
      processor[key] = [...(processor[key] ?? []), cpuSeconds];
      return seconds;
    };
    const clock = await alternate(
      {
        prebuilt: contender("prebuilt", [packed, prebuilt]),
        compiled: contender("compiled", [packed]),
        ...(other && { before: contender("before", [other]) }),
      },
      config,
    );
    return { rows: rowsOf(clock, processor, config.warmUp) };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** @returns the path of what `npm publish` would send */
async function pack(checkout, folder) {
  await mkdir(folder);
  await timeCommand("npm", ["pack", "--ignore-scripts", "--pack-destination", folder], {}, checkout);
  const [archive] = await readdir(folder);
  return join(folder, archive);
}

function rowsOf(clock, processor, warmUp) {
  const kinds = { clock, processors: {} };
  for (const [key, samples] of Object.entries(processor))
    kinds.processors[key] = summarize(samples.slice(warmUp));
  return Object.entries(kinds).flatMap(([kind, { prebuilt, compiled, before }]) => {
    const row = (what, ours, name, peer, aim) =>
      compare(`${what}, ${kind}`, "s", ours, { name, ...peer }, aim);
    if (before === undefined) return [row("prebuilt", prebuilt, "compiled", compiled, limit)];
    return [
      row("compiled", compiled, "other build", before, limit),
      row("prebuilt", prebuilt, "other build", before, limit),
    ];
  });
}
