// `npm run gpu-proof`: builds the addon against the CUDA torch that is there, runs the tests and benchmarks
// of GPUs, and writes one Markdown file. No network is needed.
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { describeMachine } from "./gpu-proof/describe-machine.mjs";
import { pack } from "./gpu-proof/pack.mjs";
import { formatProof } from "./gpu-proof/report.mjs";
import { runStage } from "./gpu-proof/run-stage.mjs";
import { stagesFor } from "./gpu-proof/stages.mjs";

const help = `Usage: npm run gpu-proof [-- options]
       bash scripts/gpu-proof.sh [options]     where there is no Node

Proves the CUDA side of codyra on a machine with an NVIDIA GPU, a Python whose torch has CUDA, and a C++ compiler:
builds the addon, runs test:gpu and the benchmarks dispatch, kernels, step, task and eval, and writes versions, every
failure and every ratio to one Markdown file. Exits with 1 if anything fails. Ratios beyond their limits are marked.

Options:
  --device D     cuda or cpu (default: cuda); cpu is a dry run with the smallest sizes
  --minutes M    time for everything together (default: 8); what does not fit is listed as not run
  --to FILE      where the Markdown goes (default: gpu-proof.md)
  --pack         write Node and the packages to .gpu-proof/, to carry the checkout to a machine without network
  --help         this text

Environment: PYTHON names the Python (default: python3), LIBTORCH a libtorch instead of it.

Examples: npm run gpu-proof
          npm run gpu-proof -- --device cpu --minutes 2 --to /tmp/proof.md
          npm run gpu-proof -- --pack     then, on the other machine, bash scripts/gpu-proof.sh
`;

const options = readOptions();
if (options?.help) process.stdout.write(help);
else if (options?.pack) await pack();
else if (options) process.exitCode = (await prove(options)) ? 0 : 1;

/** @returns whether every stage succeeded */
async function prove({ device, minutes, to }) {
  // A machine with a GPU brings its torch; the private environment would have to be downloaded.
  if (device === "cuda" && !process.env.LIBTORCH) process.env.LIBTORCH_USE_PYTORCH ??= "1";
  const deadlineMs = performance.now() + minutes * 60_000;
  const results = [];
  let machine; // described after the build, which tells the Python of its libtorch
  const path = resolve(to);
  let isBuilt = true;
  for (const stage of stagesFor(device)) {
    const result = isBuilt
      ? await runStage(stage, deadlineMs - performance.now())
      : { ...stage, outcome: "not run", output: "The build failed." };
    if (stage.isNeeded && result.outcome !== "passed") isBuilt = false;
    results.push(result);
    machine ??= await describeMachine();
    // After every stage: a machine that is taken away leaves what it has shown.
    writeFileSync(path, formatProof({ device, machine, results }));
  }
  process.stderr.write(`gpu-proof: written to ${path}\n`);
  return results.every(({ outcome }) => outcome === "passed");
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        device: { type: "string", default: "cuda" },
        minutes: { type: "string", default: "8" },
        to: { type: "string", default: "gpu-proof.md" },
        pack: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
    if (!["cuda", "cpu"].includes(values.device)) {
      throw new Error(`--device must be cuda or cpu, got '${values.device}'.`);
    }
    const minutes = Number(values.minutes);
    if (!(minutes > 0)) throw new Error(`--minutes must be a positive number, got '${values.minutes}'.`);
    return { ...values, minutes };
  } catch (error) {
    process.stderr.write(`gpu-proof: ${error.message} See --help.\n`);
    process.exitCode = 2;
    return undefined;
  }
}
