// `npm run stress`: wrong calls, damaged files, ended workers, killed runs and full disks, with counts. What
// it draws is decided by a seed.
import { parseArgs } from "node:util";
import { exitOnSignals } from "./setup/exit-on-signals.mjs";
import { runSetUp } from "./setup/run.mjs";
import { Counts, formatCounts } from "./stress/counts.mjs";
import { fullDisk } from "./stress/full-disk.mjs";
import { killedRuns } from "./stress/killed-runs.mjs";
import { mutatedFiles } from "./stress/mutated-files.mjs";
import { Random } from "./stress/random.mjs";
import { stoppedGroups } from "./stress/stopped-groups.mjs";
import { workers } from "./stress/workers.mjs";
import { wrongCalls } from "./stress/wrong-calls.mjs";

const kinds = [wrongCalls, mutatedFiles, workers, killedRuns, fullDisk, stoppedGroups];
const idOf = ({ name }) => name.replace(" ", "-");

const help = `Looks for aborts, hangs and silent wrong results. Ends with counts, and with exit code 1 if there was any.

  npm run stress                                   everything, in some minutes
  npm run stress -- wrong-calls workers            some kinds
  npm run stress -- --seed 7                       with what another seed draws
  npm run stress -- --amount 0.1                   a tenth of everything

Kinds (how many are usual):
${kinds.map((kind) => `  ${idOf(kind).padEnd(14)} ${kind.summary} (${kind.usual.toLocaleString("en")})`).join("\n")}

What it finds is printed with the command that shows it again; files stay in a temporary folder.
As root, full-disk mounts small temporary file systems; otherwise it limits the size of files.
`;

const { values, positionals } = readArguments();
const chosen = kinds.filter((kind) => positionals.length === 0 || positionals.includes(idOf(kind)));
if (values.help) console.log(help);
else if (await runSetUp({ withPackages: true, quiet: true })) await run();
else process.exitCode = 1;

function readArguments() {
  const options = {
    help: { type: "boolean", short: "h" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    amount: { type: "string", default: "1" },
  };
  try {
    const given = parseArgs({ allowPositionals: true, options });
    const unknown = given.positionals.filter((name) => !kinds.some((kind) => idOf(kind) === name));
    const known = kinds.map(idOf).join(", ");
    if (unknown.length > 0) throw new Error(`expected kinds among ${known}, got ${unknown.join(", ")}`);
    for (const name of ["seed", "amount"]) {
      if (!(Number(given.values[name]) >= 0))
        throw new Error(`expected a number as --${name}, got ${given.values[name]}`);
    }
    return given;
  } catch (error) {
    console.error(`stress: ${error.message}. See --help.`);
    process.exit(2);
  }
}

async function run() {
  exitOnSignals();
  console.log(`seed ${values.seed}`);
  const results = [];
  for (const kind of chosen) {
    const counts = new Counts();
    const count = Math.max(1, Math.round(kind.usual * Number(values.amount)));
    const start = performance.now();
    // A seed of its own for each kind, so that one alone draws what it draws among all.
    const random = new Random(Number(values.seed) + 1000 * kinds.indexOf(kind));
    await kind.run({ random, count, counts, progress: progressOf(kind, count) });
    results.push([kind.name, counts, (performance.now() - start) / 1000]);
  }
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  console.log(formatCounts(results));
  const isGood = results.every(([, counts]) => counts.isGood);
  console.log(isGood ? "Nothing was found." : "Something was found: see above.");
  process.exitCode = isGood ? 0 : 1;
}

/** On a terminal a line that changes, elsewhere one for each tenth. */
function progressOf(kind, count) {
  let tenth = 0;
  return (done) => {
    const line = `${kind.name}: ${done.toLocaleString("en")} of ${count.toLocaleString("en")}`;
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`);
    else if (Math.floor((10 * done) / count) > tenth) {
      tenth = Math.floor((10 * done) / count);
      console.error(line);
    }
  };
}
