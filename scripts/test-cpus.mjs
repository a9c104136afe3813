// `npm run test:cpus`: the numerical tests as on other processors: with other instruction sets and numbers of
// threads; ends with one line of totals.
import { parseArgs } from "node:util";
import { exitOnSignals } from "./setup/exit-on-signals.mjs";
import { runSetUp } from "./setup/run.mjs";
import { numericalTests, processorFlags, settings } from "./test/processors.mjs";
import { addTotals, formatTotals, runVitest } from "./test/vitest.mjs";

const help = `Runs the numerical tests once for each setting, which stands for a kind of processor.

  npm run test:cpus                                  all settings that this processor can run
  npm run test:cpus -- avx2-2                        one setting, or several
  npm run test:cpus -- avx2-2 --tests test/lora      with tests of your choice
  npm run test:cpus -- --verbose                     with everything that vitest prints

Settings (instruction set, then threads):
${settings.map(({ name, summary }) => `  ${name.padEnd(12)} ${summary}`).join("\n")}
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    help: { type: "boolean", short: "h" },
    verbose: { type: "boolean" },
    tests: { type: "string", multiple: true },
  },
});
const unknown = positionals.filter((name) => !settings.some((setting) => setting.name === name));
if (values.help) console.log(help);
else if (unknown.length > 0) {
  const known = settings.map(({ name }) => name).join(", ");
  console.error(`test:cpus: expected settings among ${known}, got ${unknown.join(", ")}. See --help.`);
  process.exitCode = 2;
} else {
  const ready = await runSetUp({ withPackages: true, quiet: true, peers: "wanted" });
  const totals = ready ? await runSettings() : { passed: 0, failed: 1, skipped: 0 };
  console.log(formatTotals(totals));
  process.exitCode = totals.failed ? 1 : 0;
}

/** One line for each setting; the output of tests only where some failed. */
async function runSettings() {
  exitOnSignals();
  const flags = processorFlags();
  const chosen = settings.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  let totals = { passed: 0, failed: 0, skipped: 0 };
  for (const { name, environment, needs } of chosen) {
    const missing = needs.filter((flag) => !flags.has(flag));
    if (missing.length > 0) {
      console.log(`${name.padEnd(12)} left out: this processor has no ${missing.join(", ")}`);
      continue;
    }
    const beganMs = performance.now();
    const { code, output, ...counts } = await runVitest(values.tests ?? numericalTests, {
      env: { ...process.env, ...environment },
      isQuiet: !values.verbose,
    });
    if (counts.failed > 0) console.log(output);
    const seconds = Math.round((performance.now() - beganMs) / 1000);
    console.log(`${name.padEnd(12)} ${formatTotals(counts)} in ${seconds} s`);
    totals = addTotals(totals, counts);
  }
  // A run that tested nothing proves nothing.
  return totals.passed > 0 ? totals : { ...totals, failed: Math.max(totals.failed, 1) };
}
