import { runCommand, which } from "./command.mjs";
import { SetupError } from "./failure.mjs";

/** The Python versions that `torch` of the pinned version has wheels for. */
const oldestMinor = 10;
const newestMinor = 14;

/**
 * A Python that the pinned torch can be installed for: `PYTHON` when it is set, else the first that fits on
 * PATH.
 * @returns {Promise<{ path: string, version: string }>}
 */
export async function findPython() {
  const rejected = [];
  for (const program of candidates()) {
    const python = await inspect(program);
    if (!python) continue;
    const [major, minor] = python.version.split(".").map(Number);
    if (major === 3 && minor >= oldestMinor && minor <= newestMinor) return python;
    rejected.push(`${python.version} (${python.path})`);
  }
  const tried = process.env.PYTHON ? `PYTHON=${process.env.PYTHON}` : "python3";
  throw new SetupError({
    what: rejected.length
      ? `No torch exists for Python ${rejected.join(", ")}.`
      : `Python was not found (tried ${tried}).`,
    expected: `Python 3.${oldestMinor} to 3.${newestMinor} on PATH or named by PYTHON; pip installs libtorch into its private environment`,
    fix:
      process.platform === "darwin"
        ? "Run `brew install python@3.13`, or set LIBTORCH to a directory that holds libtorch."
        : "Run `apt install python3 python3-venv` or `dnf install python3`, or set LIBTORCH to a directory that holds libtorch.",
  });
}

/** The Python that `LIBTORCH_USE_PYTORCH=1` means. */
export function chosenPython() {
  return process.env.PYTHON || "python3";
}

function candidates() {
  if (process.env.PYTHON) return [process.env.PYTHON];
  const versions = Array.from(
    { length: newestMinor - oldestMinor + 1 },
    (_, i) => `python3.${newestMinor - i}`,
  );
  return ["python3", ...versions, "python"];
}

async function inspect(program) {
  const path = which(program);
  if (!path) return undefined;
  const { code, output } = await runCommand(path, [
    "-c",
    "import platform; print(platform.python_version())",
  ]);
  return code === 0 ? { path, version: output.trim() } : undefined;
}
