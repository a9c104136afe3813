import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { collectEnvironment } from "./lib/environment.mjs";
import { saveRun } from "./lib/results.mjs";
import { formatTable } from "./lib/table.mjs";

/** Each names a file beside this one that exports `name`, `description`, `defaults` and `run(options, report)`. */
const names = ["dispatch", "step", "pipeline"];

const help = `Usage: npm run bench [-- NAME...] [options]

Measures codyra against the same work in Python, in turns, in one run. Prints Markdown tables on stdout and keeps
every run as JSON in bench/results/.

Options:
  --rounds N   timed rounds of each contender
  --threads N  CPU threads of each contender
  --seed N     seed of weights and inputs
  --images DIR JPEG files for pipeline
  --help       this text

Example: npm run bench -- dispatch --rounds 15

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

/** A failed run is kept too. */
async function runBenchmark(benchmark, values) {
  const config = { ...benchmark.defaults };
  for (const option of ["rounds", "threads", "seed"]) {
    if (values[option] !== undefined) config[option] = wholeNumber(option, values[option]);
  }
  if (values.images !== undefined && "imageFolder" in config) config.imageFolder = values.images;
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
    process.stderr.write(`${benchmark.name}: kept in ${await saveRun(record)}\n`);
  }
  process.stdout.write(`${formatTable(record)}\n`);
}

function load(name) {
  return import(`./${name}.mjs`);
}

class UsageError extends Error {}

function readArguments() {
  const text = { type: "string" };
  const options = { help: { type: "boolean" }, rounds: text, threads: text, seed: text, images: text };
  try {
    return parseArgs({ options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error.message);
  }
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
