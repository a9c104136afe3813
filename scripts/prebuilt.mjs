// `npm run prebuilt`: the addon of this platform, compiled, as the optional package that spares users the
// compiler.
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { runCmake } from "./setup/cmake.mjs";
import { runCommand } from "./setup/command.mjs";
import { exitOnSignals } from "./setup/exit-on-signals.mjs";
import { formatProblem, SetupError, toSetupError } from "./setup/failure.mjs";
import { packageRoot, readJson, writeJson } from "./setup/files.mjs";
import { findToolchain, locateLibtorch } from "./setup/index.mjs";
import { hashNativeSources } from "./setup/native.mjs";
import { prebuiltManifest, prebuiltPackage } from "./setup/prebuilt.mjs";
import { createReport } from "./setup/report.mjs";
import { lastLines } from "./setup/virtual-environment.mjs";

const usage = `Usage: npm run prebuilt

Compiles the addon for other machines of this platform, and packs it as ${prebuiltPackage}.
Where that package is installed beside codyra, set-up takes its libraries instead of compiling,
if they are of the same sources and libtorch is the CPU build of the same minor version.

Machines need a C library and a C++ library as new as this one's. Set-up compiles where they are older.

Examples:
  npm run prebuilt
  npm install codyra-0.1.0.tgz build/prebuilt/codyra-linux-x64-0.1.0.tgz   # in a project
  CODYRA_PREBUILT=off npm install codyra-0.1.0.tgz                         # compile anyway`;

const directory = join(packageRoot, "build/prebuilt");
const contents = join(directory, "package");
const libraries = ["codyra.node", "libcodyra_ops.so"];

exitOnSignals();
try {
  if (parseArgs({ options: { help: { type: "boolean", short: "h" } } }).values.help) console.log(usage);
  else await makePackage();
} catch (error) {
  console.error(`\n${formatProblem(toSetupError(error))}\n`);
  process.exitCode = 1;
}

async function makePackage() {
  if (process.platform !== "linux") throw failure("Packages are made on Linux only.", []);
  const report = createReport();
  const libtorch = await locateLibtorch();
  if (!libtorch) throw failure("There is no libtorch.", ["Run `npm run setup` first."]);
  const toolchain = await findToolchain();
  rmSync(contents, { recursive: true, force: true });
  mkdirSync(contents, { recursive: true });
  await report.run("native build", "", (update) => build(libtorch, toolchain, update));
  await addJpegLibrary();
  describe(libtorch, toolchain);
  const { code, output } = await runCommand("npm", ["pack", "--pack-destination", directory], {
    cwd: contents,
  });
  const archive = output.match(/^\S+\.tgz$/m)?.[0];
  if (code !== 0 || archive === undefined) throw failure("`npm pack` failed.", lastLines(output, 5));
  console.log(join(directory, archive));
}

async function build(libtorch, toolchain, update) {
  const { code, output } = await runCmake({
    directory: join(directory, "cmake"),
    definitions: { LIBTORCH: libtorch.path, CODYRA_OUTPUT: contents, CODYRA_PREBUILT: "ON" },
    onLine: (line) => update(line.trim()),
    toolchain,
  });
  if (code !== 0) throw failure("The build failed.", lastLines(output, 10));
}

/** Systems differ in its version, so the package brings its own, as Python's wheels do. */
async function addJpegLibrary() {
  const { output } = await runCommand("ldd", [join(contents, "codyra.node")]);
  const path = output.match(/libjpeg\S* => (\/\S+)/)?.[1];
  if (path === undefined) return;
  copyFileSync(path, join(contents, basename(path)));
  libraries.push(basename(path));
}

/** The files beside the libraries. */
function describe(libtorch, { compiler }) {
  const { version, license, engines } = readJson(join(packageRoot, "package.json"));
  const { platform, arch } = process;
  writeJson(join(contents, "package.json"), {
    name: prebuiltPackage,
    version,
    description: `The addon of codyra, compiled for ${platform} on ${arch}.`,
    license,
    engines,
    os: [platform],
    cpu: [arch],
    ...(platform === "linux" && { libc: ["glibc"] }),
    files: [...libraries, prebuiltManifest],
  });
  writeJson(join(contents, prebuiltManifest), {
    version,
    native: hashNativeSources(),
    libtorch: libtorch.version,
    compiler: `${compiler.name} ${compiler.version}`,
    libraries,
  });
  const readme = [
    `The addon of codyra ${version}, compiled against libtorch ${libtorch.version}.`,
    "codyra's set-up uses it; there is nothing else to call.",
  ];
  if (libraries.length > 2) {
    readme.push(
      "It brings libjpeg-turbo. This software is based in part on the work of the Independent JPEG Group.",
    );
  }
  writeFileSync(join(contents, "README.md"), `${readme.join("\n\n")}\n`);
  copyFileSync(join(packageRoot, "LICENSE"), join(contents, "LICENSE"));
}

function failure(what, details) {
  return new SetupError({
    what,
    expected: "native/ to compile on this machine, and npm to pack what came out",
    fix: "Run `npm run setup`, which says what is missing, then try again.",
    details,
  });
}
