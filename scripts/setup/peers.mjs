import { createHash } from "node:crypto";
import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { runCommand } from "./command.mjs";
import { fullDisk, SetupError, toSetupError } from "./failure.mjs";
import { packageRoot, writeJson } from "./files.mjs";
import { withLock } from "./lock.mjs";
import { cacheDirectory } from "./machine.mjs";
import { readBuildRecord } from "./native.mjs";
import {
  createEnvironment,
  isFullDisk,
  isUnreachable,
  lastLines,
  pipInstall,
} from "./virtual-environment.mjs";

const folder = join(packageRoot, "test/peers");
const requirements = join(folder, "requirements.txt");
const modules = "PIL, transformers, peft, torchvision, open_clip, clip";
const timeLimitMs = 5 * 60_000;

/**
 * The Python that has the packages which codyra is compared with in tests, and whose torch is the libtorch of
 * the addon.
 * @returns {string | undefined} undefined if it has not been set up, or with CODYRA_PEERS=off
 */
export function findPeerPython() {
  const record = readBuildRecord();
  if (process.env.CODYRA_PEERS === "off" || !record?.python) return undefined;
  const environment = directory(record);
  return existsSync(marker(environment)) ? join(environment, "bin/python") : undefined;
}

/**
 * Installs the packages of test/peers/requirements.txt into a virtual environment in the cache directory.
 * @throws {SetupError} if they cannot be had
 */
export async function preparePeers(report, signal) {
  if (process.env.CODYRA_PEERS === "off") return report.found("Python packages of peer tests", "off");
  if (findPeerPython()) return report.found("Python packages of peer tests");
  await report.run("Python packages of peer tests", "installed in", (update) => install(update, signal));
}

/** The same within a time limit; where the packages cannot be had, one line says so. */
export async function tryPeers(report) {
  try {
    await preparePeers(report, AbortSignal.timeout(timeLimitMs));
  } catch (error) {
    report.say(`peer tests are skipped: ${toSetupError(error).what} \`npm run test:peers\` tells more.`);
  }
}

function install(update, signal) {
  const record = readBuildRecord();
  if (!record?.python) {
    throw new SetupError({
      what: `The libtorch at ${record?.libtorch.path} belongs to no Python.`,
      expected: "a libtorch that Python can import as torch, which the peers run on",
      fix: "Unset LIBTORCH, or set it to the torch folder in the site-packages of a Python, and run `npm run setup`.",
    });
  }
  const environment = directory(record);
  return withLock(
    `${environment}.lock`,
    async () => {
      if (findPeerPython()) return; // installed by the set-up that this one waited for
      update("creating a virtual environment");
      await createEnvironment(record.python, environment);
      const site = await shareTorch(environment, record.libtorch);
      await installPackages(environment, record.libtorch, update, signal);
      update("importing the packages");
      await checkImports(environment, site);
      writeJson(marker(environment), { libtorch: record.libtorch });
    },
    () => update("waiting for another set-up, which is installing them"),
  );
}

function directory({ python, libtorch }) {
  const identity = [readFileSync(requirements), python, libtorch.path, libtorch.version];
  const hash = createHash("sha256").update(identity.join("\0")).digest("hex");
  return join(cacheDirectory(), `peers-${hash.slice(0, 12)}`);
}

/** Written last. */
function marker(environment) {
  return join(environment, "codyra-complete.json");
}

/**
 * Python also looks into the folders that `.pth` files name.
 * @returns the environment's own folder of packages
 */
async function shareTorch(environment, libtorch) {
  const script = "import sysconfig; print(sysconfig.get_path('purelib'))";
  const { output } = await runCommand(join(environment, "bin/python"), ["-c", script]);
  const site = output.trim();
  writeFileSync(join(site, "libtorch.pth"), `${dirname(libtorch.path)}\n`);
  return site;
}

async function installPackages(environment, libtorch, update, signal) {
  // The version that is there satisfies this; pip must never bring a torch of its own.
  const constraints = join(environment, "constraints.txt");
  writeFileSync(constraints, `torch==${libtorch.version}\n`);
  const options = ["--retries", "1", "--timeout", "15", "--constraint", constraints];
  const wanted = [...options, "--requirement", requirements];
  const { code, output } = await pipInstall(environment, wanted, update, { signal });
  if (code === 0) return;
  if (isFullDisk(output)) throw fullDisk(environment);
  const reason = signal?.aborted
    ? `pip took longer than ${timeLimitMs / 60_000} minutes.`
    : isUnreachable(output)
      ? "pip could not reach a package index."
      : `pip could not install the Python packages beside torch ${libtorch.version}.`;
  throw new SetupError({
    what: reason,
    expected: `the packages of ${requirements} for the Python of libtorch`,
    fix: "Connect, or configure pip for a mirror (PIP_INDEX_URL), and run `npm run test:peers` again; CODYRA_PEERS=off goes on without.",
    details: lastLines(output.replaceAll(/^WARNING.*$/gm, ""), 5),
  });
}

async function checkImports(environment, site) {
  const attempt = (script) => runCommand(join(environment, "bin/python"), ["-c", script]);
  if ((await attempt("import torchvision")).code !== 0) {
    copyFileSync(join(folder, "torchvision_without_cuda.py"), join(site, "torchvision_without_cuda.py"));
    writeFileSync(join(site, "torchvision_without_cuda.pth"), "import torchvision_without_cuda\n");
  }
  const { code, output } = await attempt(`import ${modules}`);
  if (code === 0) return;
  throw new SetupError({
    what: "The Python packages of the peer tests were installed but cannot be imported.",
    expected: `\`import ${modules}\` to work`,
    fix: `Correct the versions in ${requirements} for this Python and torch; CODYRA_PEERS=off goes on without.`,
    details: lastLines(output, 5),
  });
}
