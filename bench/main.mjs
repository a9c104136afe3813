import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { collectEnvironment } from "./lib/environment.mjs";
import { saveRun } from "./lib/results.mjs";
import { formatTable } from "./lib/table.mjs";

/**
 * Each names a file beside this one that exports `name`, `description`, `defaults` and `run(options,
 * report)`.
 */
const names = [
  "dispatch",
  "kernels",
  "step",
  "task",
  "eval",
  "classify",
  "pipeline",
  "memory",
  "scaling",
  "stream",
  "processes",
  "install",
  "run",
  "evaluate",
];

const numbers = ["rounds", "calls", "threads", "seed", "count", "iterations"];
const choices = {
  device: ["cpu", "cuda"],
  precision: ["float32", "bfloat16"],
  model: ["vit-b-16", "vit-b-32", "vit-l-14", "small"],
  method: ["codyra", "statra"],
};

const help = `Usage: npm run bench [-- NAME...] [options]

Measures codyra against the same work in Python, in turns, in one run. Prints Markdown tables on stdout and keeps
every run as JSON in bench/results/.

Options:
  --rounds N      timed rounds of each contender
  --calls N       dispatch: calls in a round; a few hundred on a busy machine, with many rounds
  --threads N     CPU threads of each contender
  --seed N        seed of weights and inputs
  --device D      cpu or cuda
  --precision P   float32 or bfloat16: only rows in that precision
  --model M       shape of the model: ${choices.model.join(", ")}
  --method M      task: statra measures it against CoDyRA's training; run: this method alone
  --only TEXT     rows of step and kernels whose description contains TEXT; one that none contains lists them
  --images DIR    JPEG files for pipeline and classify
  --count N       how many of them; of run: test images of each domain; of evaluate: of all
  --iterations N  task, run and stream: iterations of a task
  --against DIR   dispatch, step, run, evaluate and install: another checkout with a build, which takes turns with this one
  --help          this text

Examples: npm run bench -- dispatch --rounds 15
          npm run bench -- step --only "16x100 float32" --rounds 3

Benchmarks:
`;

async function main() {
  const { values, positionals } = readArguments();
  if (!existsSync(new URL("../dist/index.js", import.meta.url))) {
    throw new Error("codyra is not built: dist/index.js is missing. Run `npm run setup` first.");
  }
  const chosen = positionals.length > 0 ? positionals : names;
  const unknown = chosen.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`There is no benchmark '${unknown}': expected one of ${names.join(", ")}.`);
  }
  if (values.help) {
    const lines = await Promise.all(
      names.map(async (name) => `  ${name.padEnd(12)} ${(await load(name)).description}`),
    );
    process.stdout.write(`${help}${lines.join("\n")}\n`);
    return;
  }
  for (const name of chosen) await runBenchmark(await load(name), values);
}

/**
 * A failed run is kept too, and so are the rows beside one that failed.
 * @throws if one did, after the others
 */
async function runBenchmark(benchmark, options) {
  const config = { ...benchmark.defaults };
  for (const [option, value] of Object.entries(options)) {
    const key = option === "images" ? "imageFolder" : option;
    if (key in config) config[key] = numbers.includes(option) ? wholeNumber(option, value) : value;
  }
  const record = { benchmark: benchmark.name, startedAt: new Date().toISOString(), config };
  try {
    record.environment = await collectEnvironment();
    Object.assign(
      record,
      await benchmark.run(config, (text) => process.stderr.write(`${benchmark.name}: ${text}\n`)),
    );
  } catch (error) {
    record.error = error.message;
    throw error;
  } finally {
    record.ownPeakBytes = process.resourceUsage().maxRSS * 1024; // contenders in other processes have theirs
    process.stderr.write(`${benchmark.name}: kept in ${await saveRun(record)}\n`);
  }
  process.stdout.write(`${formatTable(record)}\n`);
  if (record.failures?.length > 0) throw new Error(record.failures.join("\n"));
}

function load(name) {
  return import(`./${name}.mjs`);
}

class UsageError extends Error {}

function readArguments() {
  const text = { type: "string" };
  const texts = [...numbers, ...Object.keys(choices), "only", "images", "against"].map((option) => [
    option,
    text,
  ]);
  const options = { help: { type: "boolean" }, ...Object.fromEntries(texts) };
  let parsed;
  try {
    parsed = parseArgs({ options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error.message);
  }
  for (const [option, allowed] of Object.entries(choices)) {
    const value = parsed.values[option];
    if (value === undefined || allowed.includes(value)) continue;
    throw new UsageError(`--${option} must be one of ${allowed.join(", ")}, got '${value}'.`);
  }
  return parsed;
}

function wholeNumber(option, text) {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < (option === "seed" ? 0 : 1)) {
    throw new UsageError(`--${option} must be a positive whole number, got '${text}'.`);
  }
  return number;
}

main().catch((error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
});
