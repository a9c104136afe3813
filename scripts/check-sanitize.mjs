// `npm run check:sanitize [-- TEST...]`: builds bridge and operators with AddressSanitizer and
// UndefinedBehaviorSanitizer beside the usual build, and runs the native and torch tests on them.
import { join } from "node:path";
import { runCmake } from "./setup/cmake.mjs";
import { runCommand } from "./setup/command.mjs";
import { exitOnSignals } from "./setup/exit-on-signals.mjs";
import { formatProblem, SetupError, toSetupError } from "./setup/failure.mjs";
import { packageRoot } from "./setup/files.mjs";
import { findToolchain, locateLibtorch } from "./setup/index.mjs";
import { createReport } from "./setup/report.mjs";
import { lastLines } from "./setup/virtual-environment.mjs";

const buildDirectory = join(packageRoot, "build/check-sanitize");
const outputDirectory = join(buildDirectory, "Release");
const tests = process.argv.length > 2 ? process.argv.slice(2) : ["test/native", "test/torch"];
const report = createReport();
const asanOptions = [
  // Node and libtorch keep what they have for ever.
  "detect_leaks=0",
  "detect_odr_violation=0",
  "abort_on_error=0",
  "exitcode=99",
  // More memory than there is is an error that libtorch reports.
  "allocator_may_return_null=1",
];

exitOnSignals();
try {
  if (process.platform !== "linux") throw failure("This check runs on Linux only.", []);
  const toolchain = await findToolchain();
  await report.run("native build with sanitizers", "", (update) => build(toolchain, update));
  process.exitCode = await runTests(toolchain.compiler);
} catch (error) {
  console.error(`\n${formatProblem(toSetupError(error))}\n`);
  process.exitCode = 1;
}

async function build(toolchain, update) {
  const libtorch = await locateLibtorch();
  if (!libtorch) throw failure("There is no libtorch.", ["Run `npm run setup` first."]);
  const { code, output } = await runCmake({
    directory: buildDirectory,
    definitions: {
      LIBTORCH: libtorch.path,
      CODYRA_OUTPUT: outputDirectory,
      CODYRA_SANITIZE: "ON",
    },
    onLine: (line) => update(line.trim()),
    toolchain,
    bytesPerJob: 2 ** 32,
  });
  if (code !== 0) throw failure("The build failed.", lastLines(output, 10));
}

/** Node itself has no sanitizer: the run-time libraries are loaded before it. */
async function runTests(compiler) {
  const libraries = [];
  for (const name of ["libasan.so", "libubsan.so"]) {
    const { output } = await runCommand(compiler.path, [`-print-file-name=${name}`]);
    libraries.push(output.trim());
  }
  const environment = {
    ...process.env,
    LD_PRELOAD: libraries.join(":"),
    ASAN_OPTIONS: asanOptions.join(":"),
    UBSAN_OPTIONS: "halt_on_error=1:print_stacktrace=1",
    CODYRA_ADDON_DIRECTORY: outputDirectory,
  };
  const { code, output } = await runCommand(
    process.execPath,
    [join(packageRoot, "node_modules/vitest/vitest.mjs"), "run", "--maxWorkers=1", ...tests],
    { env: environment, onLine: (line) => console.log(line) },
  );
  const found = output.split("\n").filter((line) => /ERROR: AddressSanitizer|runtime error:/.test(line));
  for (const line of found) console.error(line);
  return code === 0 && found.length === 0 ? 0 : 1;
}

function failure(what, details) {
  return new SetupError({
    what,
    expected: "native/ to be built with -fsanitize=address,undefined and its tests to pass",
    fix: "Correct native/, or run `npm run setup` first.",
    details,
  });
}
