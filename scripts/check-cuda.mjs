// `npm run check:cuda [-- --torch VERSION]`: compiles and links the CUDA side of the addon, for which no GPU
// is needed, and loads it as far as that goes without.
import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runCmake } from "./setup/cmake.mjs";
import { runCommand } from "./setup/command.mjs";
import { exitOnSignals } from "./setup/exit-on-signals.mjs";
import { formatProblem, SetupError, toSetupError } from "./setup/failure.mjs";
import { packageRoot } from "./setup/files.mjs";
import { cacheDirectory, findToolchain, locateLibtorch } from "./setup/index.mjs";
import { torchVersion as pinnedVersion } from "./setup/private-environment.mjs";
import { findPython } from "./setup/python.mjs";
import { createReport } from "./setup/report.mjs";
import { createEnvironment, lastLines, pipInstall } from "./setup/virtual-environment.mjs";

const usage = `Usage: npm run check:cuda [-- --torch VERSION]

Compiles, links and loads the CUDA side of the addon; no GPU is needed.

  --torch VERSION  against this torch of the package index, in an environment of its own
                   (default: the torch of set-up where that has CUDA, else ${pinnedVersion})

Examples:
  npm run check:cuda
  npm run check:cuda -- --torch 2.14.1`;

const options = readOptions();
const torchVersion = options.torch ?? pinnedVersion;
const buildDirectory = join(packageRoot, `build/check-cuda${options.torch ? `-${options.torch}` : ""}`);
const outputDirectory = join(buildDirectory, "Release");
const report = createReport();

if (options.help) console.log(usage);
else await check();

function readOptions() {
  try {
    return parseArgs({ options: { torch: { type: "string" }, help: { type: "boolean" } } }).values;
  } catch (error) {
    console.error(`${error.message}\n\n${usage}`);
    process.exit(2);
  }
}

async function check() {
  exitOnSignals();
  try {
    const libtorch = await findCudaLibtorch();
    await report.run("native build with CUDA", "", (update) => build(libtorch, update));
    report.found("undefined symbols", await checkSymbols());
    report.found("kernels registered for CUDA", await checkKernels(libtorch));
    report.found("addon", await checkAddon());
  } catch (error) {
    console.error(`\n${formatProblem(toSetupError(error))}\n`);
    process.exitCode = 1;
  }
}

/**
 * The libtorch that set-up uses where that one has CUDA, else the one from PyPI in an environment of its own.
 */
async function findCudaLibtorch() {
  const present = options.torch === undefined ? await locateLibtorch() : null;
  if (present && hasCuda(present.path)) {
    report.found(`libtorch ${present.version} (${present.source})`);
    return present;
  }
  const environment = join(cacheDirectory(), `libtorch-${torchVersion}-cuda-check`);
  const python = join(environment, "bin/python");
  const find = async () => {
    const script =
      "import importlib.util; print(importlib.util.find_spec('torch').submodule_search_locations[0])";
    const { code, output } = await runCommand(python, ["-c", script]);
    return code === 0 && hasCuda(output.trim()) ? { path: output.trim(), python } : undefined;
  };
  const installed = await find();
  if (installed) {
    report.found(`libtorch ${torchVersion} in ${environment}`);
    return installed;
  }
  report.say(`torch ${torchVersion} with CUDA goes to ${environment}: 2.5 GB to download, 5 GB on disk`);
  await report.run("libtorch with CUDA", "installed in", async (update) => {
    await createEnvironment((await findPython()).path, environment);
    // `===` refuses the CPU build, whose version differs in what follows a plus sign.
    const { code, output } = await pipInstall(
      environment,
      [`torch===${torchVersion}`, "cuda-toolkit[crt,cccl]"],
      update,
    );
    if (code !== 0) throw failure("pip could not install torch with CUDA.", lastLines(output, 5));
  });
  const size = execFileSync("du", ["-sh", environment], { encoding: "utf8" }).split("\t")[0];
  report.found("size of the environment", size);
  return find();
}

function hasCuda(libtorch) {
  return existsSync(join(libtorch, "lib/libtorch_cuda.so"));
}

async function build(libtorch, update) {
  const { code, output } = await runCmake({
    directory: buildDirectory,
    definitions: { LIBTORCH: libtorch.path, CODYRA_OUTPUT: outputDirectory },
    onLine: (line) => update(line.trim()),
    toolchain: await findToolchain(),
  });
  if (code !== 0) {
    const path = join(buildDirectory, "build.log");
    writeFileSync(path, output);
    const errors = output.split("\n").filter((line) => /error:|CMake Error|undefined reference/.test(line));
    throw failure(`The build failed; its whole output is in ${path}.`, errors.slice(0, 10));
  }
  if (/headers .* are missing/.test(output))
    throw failure("The headers of CUDA are missing.", lastLines(output, 10));
}

/** Node itself provides its own functions. */
async function checkSymbols() {
  const missing = [];
  for (const file of ["libcodyra_ops.so", "codyra.node"]) {
    const { output } = await runCommand("ldd", ["-r", join(outputDirectory, file)]);
    missing.push(
      ...output.split("\n").filter((line) => /undefined symbol|not found/.test(line) && !/napi_/.test(line)),
    );
  }
  if (missing.length > 0) throw failure("Symbols or libraries are missing.", missing.slice(0, 10));
  return "none";
}

/** Asks PyTorch's dispatcher, through the Python of this torch. */
async function checkKernels({ python }) {
  const names = [
    "effective_weights",
    "adamw_soft_threshold_",
    "merge_all_ranks_",
    "quick_gelu",
    "quick_gelu_backward",
  ];
  const script = `import torch; torch.ops.load_library(${JSON.stringify(join(outputDirectory, "libcodyra_ops.so"))})
print([n for n in ${JSON.stringify(names)} if not torch._C._dispatch_has_kernel_for_dispatch_key("codyra::" + n, "CUDA")])`;
  const { code, output } = await runCommand(python, ["-c", script]);
  if (code !== 0 || output.trim().split("\n").at(-1) !== "[]") {
    throw failure("Operators have no kernel for CUDA.", lastLines(output, 5));
  }
  return names.join(", ");
}

/** With a GPU it could do more; `npm run test:gpu` does. */
async function checkAddon() {
  const script = `const a = require(${JSON.stringify(join(outputDirectory, "codyra.node"))});
    let graphs = "with graphs";
    try { a.beginCudaGraph(99); } catch (error) { if (!/99/.test(error.message)) graphs = error.message; }
    const nccl = a.hasNccl() ? "with NCCL" : "without NCCL: no nccl.h or nv/target";
    console.log("loads, libtorch " + a.version() + ", " + a.cudaDeviceCount() + " devices, " + graphs + ", " + nccl);`;
  const { code, output } = await runCommand(process.execPath, ["-e", script]);
  if (code !== 0) throw failure("The addon was built but cannot be loaded.", lastLines(output, 5));
  return output.trim();
}

function failure(what, details) {
  return new SetupError({
    what,
    expected: "the CUDA side of the addon to compile, link and load against a torch that has CUDA",
    fix: "Correct native/, or set LIBTORCH to another torch with CUDA.",
    details,
  });
}
