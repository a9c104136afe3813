import { existsSync } from "node:fs";
import { join } from "node:path";
import { SetupError, toSetupError } from "./failure.mjs";
import { readJson, writeJson } from "./files.mjs";
import { withLock } from "./lock.mjs";
import { cacheDirectory } from "./machine.mjs";
import { findPython } from "./python.mjs";
import { createEnvironment, isUnreachable, lastLines, pipInstall } from "./virtual-environment.mjs";

const requirement = "nvidia-cuda-nvrtc==13.0.88"; // the one that the pinned torch depends on
const timeLimitMs = 5 * 60_000;

/**
 * A Python in whose environment CUDA's run-time compiler is installed, with which the CUDA kernels are
 * compiled where there is no GPU.
 * @returns {string | undefined} undefined if it has not been set up
 */
export function findNvrtcPython() {
  const python = join(directory(), "bin/python");
  return readJson(marker()) && existsSync(python) ? python : undefined;
}

/**
 * Installs it into a virtual environment in the cache directory, within a time limit; where it cannot be had,
 * one line says so.
 */
export async function tryNvrtc(report) {
  if (process.platform !== "linux") return; // there is no wheel
  if (findNvrtcPython()) return report.found("CUDA's run-time compiler");
  try {
    await report.run("CUDA's run-time compiler", "installed in", install);
  } catch (error) {
    report.say(`the CUDA kernels are not compiled: ${toSetupError(error).what}`);
  }
}

function install(update) {
  const environment = directory();
  return withLock(
    `${environment}.lock`,
    async () => {
      if (findNvrtcPython()) return; // installed by the set-up that this one waited for
      const signal = AbortSignal.timeout(timeLimitMs);
      await createEnvironment((await findPython()).path, environment);
      const options = ["--retries", "1", "--timeout", "15"];
      const { code, output } = await pipInstall(environment, [...options, requirement], update, { signal });
      if (code !== 0) throw failure(output, signal);
      writeJson(marker(), { requirement });
    },
    () => update("waiting for another set-up, which is installing it"),
  );
}

function failure(output, signal) {
  const reason = signal.aborted
    ? `took longer than ${timeLimitMs / 60_000} minutes`
    : isUnreachable(output)
      ? "could not reach a package index"
      : `could not install ${requirement}`;
  return new SetupError({
    what: `pip ${reason}.`,
    expected: `${requirement} from PyPI or a mirror`,
    fix: "Connect, or configure pip for a mirror (PIP_INDEX_URL), and try again.",
    details: lastLines(output, 5),
  });
}

function directory() {
  return join(cacheDirectory(), requirement.replace("==", "-"));
}

/** Written last. */
function marker() {
  return join(directory(), "codyra-complete.json");
}
