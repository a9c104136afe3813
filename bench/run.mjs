import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { alternate } from "./lib/alternate.mjs";
import { checkBuild } from "./lib/builds.mjs";
import { atSize, models, writeModel } from "./lib/model.mjs";
import { summarize } from "./lib/statistics.mjs";
import { copyDomains } from "./lib/stream.mjs";
import { compare } from "./lib/table.mjs";
import { temporaryDirectory } from "./lib/temporary.mjs";
import { timeCommand } from "./lib/time-command.mjs";

export const name = "run";
export const description =
  "`codyra run` over four domains: methods against CoDyRA, and against another build";
export const defaults = {
  rounds: 3,
  warmUp: 0,
  threads: 2,
  model: "vit-b-16",
  imageSize: 96,
  imageFolder: "../shared/data/realmini",
  domains: ["dtd", "flowers", "food101", "satellite"],
  count: undefined,
  iterations: 40,
  batchSize: 32,
  method: undefined,
  against: undefined,
  seed: 0,
};

/** The runs. A limit is relative to the time of another build's CoDyRA, or of CoDyRA's in the same run. */
const kinds = {
  codyra: { title: "CoDyRA", method: "codyra", options: {}, limit: 0.6 },
  text: { title: "StatRA, texts alone", method: "statra", options: { imageIterations: 0 }, limit: 0.25 },
  images: { title: "StatRA with images", method: "statra", options: {}, limit: 0.8 },
};
const own = resolve(import.meta.dirname, "..");
const lossTolerance = 1e-3; // of the first logged loss, relative: what comes later amplifies rounding

/**
 * @returns rows with the seconds of whole runs, by the clock and of processors; each is a new process that
 * decodes its images
 * @throws if another build learns something else
 */
export async function run(config, report) {
  const { against, seed, count } = config;
  if (against !== undefined) checkBuild(against);
  const directory = await temporaryDirectory();
  try {
    report("drawing weights, copying images");
    const model = join(directory, "model");
    await writeModel(model, { config: atSize(models[config.model], config.imageSize), seed });
    const source = resolve(own, config.imageFolder);
    const datasets = await copyDomains(source, config.domains, count, join(directory, "images"));
    return await measure({ ...config, directory, model, datasets, report });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function measure({ rounds, warmUp, ...context }) {
  const processor = {};
  const losses = {};
  const parts = {};
  const contender = (key, build, kind) => async () => {
    const found = await runOnce(build, kind, context);
    losses[key] = found.loss;
    parts[key] = found.parts;
    processor[key] = [...(processor[key] ?? []), found.cpuSeconds];
    context.report(
      `${key}: ${found.seconds.toFixed(1)} s, ${found.cpuSeconds.toFixed(1)} s of processors; ${found.parts}`,
    );
    return found.seconds;
  };
  const chosen = Object.entries(kinds).filter(([, { method }]) => (context.method ?? method) === method);
  const ours = chosen.map(([key, kind]) => [key, contender(key, undefined, kind)]);
  const other =
    context.against === undefined ? [] : [["before", contender("before", context.against, kinds.codyra)]];
  const clock = await alternate(Object.fromEntries([...ours, ...other]), { rounds, warmUp });
  checkLosses(losses);
  return {
    rows: rowsOf({ clock, processor }, warmUp),
    notes: Object.entries(parts).map(
      ([key, text]) => `${kinds[key]?.title ?? "CoDyRA of the other build"}: ${text}.`,
    ),
  };
}

/** One process, from nothing to the last row of the matrix. */
async function runOnce(
  build = own,
  { method, options },
  { directory, model, datasets, iterations, batchSize, threads, seed },
) {
  const [output, cache] = [join(directory, "run"), join(directory, "cache")];
  for (const folder of [output, cache]) await rm(folder, { recursive: true, force: true });
  await mkdir(cache);
  const config = join(directory, "run.yaml");
  const settings = { name: "bench", model, protocol: "x-tail", method, seed, output, datasets };
  await writeFile(config, JSON.stringify({ ...settings, options: { ...options, iterations, batchSize } })); // JSON is YAML
  const main = join(build, "dist/cli/main.js");
  const environment = { OMP_NUM_THREADS: String(threads), XDG_CACHE_HOME: cache };
  const time = await timeCommand(process.execPath, [main, "run", "--config", config], environment);
  return { ...time, ...(await readEvents(join(output, "events.jsonl"), time.seconds)) };
}

/** The first logged loss, and where the time went. */
async function readEvents(path, seconds) {
  const events = (await readFile(path, "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const secondsOf = (kind) =>
    events.filter((event) => event.kind === kind).reduce((sum, event) => sum + event.seconds, 0);
  const [tasks, evaluations] = [secondsOf("task-end"), secondsOf("evaluation")];
  const share = (part) => `${Math.round((100 * part) / seconds)} %`;
  return {
    loss: events.find(({ kind }) => kind === "step").loss,
    parts: `tasks ${share(tasks)}, evaluations ${share(evaluations)}, all else ${share(seconds - tasks - evaluations)}`,
  };
}

function rowsOf({ clock, processor }, warmUp) {
  const samples = (key) => summarize(processor[key].slice(warmUp));
  const both = (what, key, peer, name, limit) => [
    compare(what, "s", clock[key], { name, ...clock[peer] }, limit),
    compare(`${what}, processor time`, "s", samples(key), { name, ...samples(peer) }, limit),
  ];
  return [
    ...("before" in clock && "codyra" in clock
      ? both(kinds.codyra.title, "codyra", "before", "the other build", kinds.codyra.limit)
      : []),
    ...["text", "images"]
      .filter((key) => key in clock)
      .flatMap((key) =>
        "codyra" in clock ? both(kinds[key].title, key, "codyra", "CoDyRA", kinds[key].limit) : [],
      ),
  ];
}

function checkLosses({ codyra, before }) {
  if (before === undefined || codyra === undefined) return;
  if (Math.abs(codyra - before) <= lossTolerance * Math.abs(before)) return;
  throw new Error(
    `run: expected a first loss of ${before} as the other build has it, got ${codyra}. They do not learn the same, so their times are not compared.`,
  );
}
