import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { runCommand } from "./command.mjs";
import { fullDisk, SetupError } from "./failure.mjs";

/** Makes an empty virtual environment of an interpreter; what was there before is removed. */
export async function createEnvironment(python, environment) {
  rmSync(environment, { recursive: true, force: true });
  const { code, output } = await runCommand(python, ["-m", "venv", environment]);
  if (code === 0) return;
  if (isFullDisk(output)) throw fullDisk(dirname(environment));
  throw new SetupError({
    what: `${python} cannot create a virtual environment.`,
    expected: "its modules venv and ensurepip",
    fix: "On Debian and Ubuntu run `apt install python3-venv`; or set PYTHON to another Python.",
    details: lastLines(output, 3),
  });
}

/**
 * `pip install` in a virtual environment, of wheels unless the requirements say otherwise.
 * @param {string[]} requirements with pip's options for them
 * @param {(detail: string) => void} update told what is going on
 * @param {{ signal?: AbortSignal }} options
 * @returns {Promise<{ code: number, output: string }>}
 */
export function pipInstall(environment, requirements, update, { signal } = {}) {
  const flags = ["--only-binary=:all:", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"];
  return runCommand(join(environment, "bin/python"), ["-m", "pip", "install", ...flags, ...requirements], {
    signal,
    onLine: (line) => {
      const step = line.match(
        /^\s*(Collecting|Downloading|Processing|Installing collected packages)\b:?\s*(\S*)/,
      );
      if (step)
        update(
          step[1].startsWith("Installing")
            ? "unpacking"
            : `${step[1].toLowerCase()} ${step[2].split("/").at(-1)}`,
        );
    },
  });
}

/** Whether pip's output tells of a package index that does not answer. */
export function isUnreachable(output) {
  return /NewConnectionError|Failed to establish|NameResolution|Temporary failure in name|Connection (refused|reset|aborted)|timed out|TimeoutError|ProxyError|SSLError|unreachable/i.test(
    output,
  );
}

export function isFullDisk(output) {
  return /No space left on device|ENOSPC|Errno 28/.test(output);
}

export function lastLines(text, count) {
  return text
    .split("\n")
    .map((line) => line.trimEnd())
    .filter(Boolean)
    .slice(-count);
}
