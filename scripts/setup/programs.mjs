import { readFileSync } from "node:fs";
import { runCommand, which } from "./command.mjs";
import { SetupError, toSetupError } from "./failure.mjs";
import { lastLines } from "./virtual-environment.mjs";

const timeLimitMs = 5 * 60_000;
const options = [
  ...["--yes", "--quiet=2", "--no-install-recommends"],
  ...["-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=15", "-o", "Acquire::https::Timeout=15"],
  ...["-o", "DPkg::Lock::Timeout=120"], // another set-up may be installing
];

/** Programs that only tests use, with the Debian package of each: 113 MB and 55 MB to download. */
const programs = [
  { label: "Chromium of the page's tests", package: "chromium", isThere: () => findChromium() !== undefined },
  { label: "LaTeX of the tables' tests", package: "texlive-latex-recommended", isThere: hasLatex },
];

/** @returns {string | undefined} the path of `CODYRA_CHROMIUM`, or of the first known browser on PATH */
export function findChromium() {
  const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
  return [process.env.CODYRA_CHROMIUM, ...names].map((name) => name && which(name)).find(Boolean);
}

/** pdflatex with the package that the tables use. */
export async function hasLatex() {
  return which("pdflatex") !== undefined && (await runCommand("kpsewhich", ["booktabs.sty"])).code === 0;
}

/**
 * Installs the programs that are missing, where this is root's Debian; elsewhere, and with CODYRA_APT=off,
 * their tests are left out. Where they cannot be had, one line says so.
 */
export async function tryPrograms(report) {
  for (const { label, package: name, isThere } of programs) {
    if (await isThere()) report.found(label);
    else if (process.env.CODYRA_APT === "off") report.found(label, "off");
    else if (canInstall()) await tryInstall(report, label, name);
  }
}

async function tryInstall(report, label, name) {
  try {
    await report.run(label, "installed in", (update) => install(name, update));
  } catch (error) {
    report.say(`${label}: left out. ${toSetupError(error).what} CODYRA_APT=off stops trying.`);
  }
}

function canInstall() {
  return process.getuid?.() === 0 && isDebian() && which("apt-get") !== undefined;
}

/** Not Ubuntu, whose package of that name is a way to another store. */
function isDebian(path = "/etc/os-release") {
  try {
    return /^ID=debian$/m.test(readFileSync(path, "utf8"));
  } catch {
    return false;
  }
}

/** Only the download has a time limit: dpkg must not be ended halfway. */
async function install(name, update) {
  const signal = AbortSignal.timeout(timeLimitMs);
  update(`downloading ${name}`);
  const download = ["install", "--download-only", ...options, name];
  let result = await aptGet(download, signal);
  if (result.code !== 0 && !signal.aborted) {
    update("reading the lists of packages");
    await aptGet(["update", ...options], signal);
    update(`downloading ${name}`);
    result = await aptGet(download, signal);
  }
  if (result.code === 0) {
    update(`unpacking ${name}`);
    result = await aptGet(["install", "--no-download", ...options, name]);
  }
  if (result.code !== 0) throw failure(name, result.output, signal);
}

function aptGet(args, signal) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" };
  return runCommand("apt-get", args, { env, signal });
}

function failure(name, output, signal) {
  return new SetupError({
    what: signal.aborted
      ? `apt-get took longer than ${timeLimitMs / 60_000} minutes to download ${name}.`
      : `apt-get could not install ${name}: ${lastError(output)}.`,
    expected: `the Debian package ${name}`,
    fix: `Run \`apt-get install ${name}\`.`,
    details: lastLines(output, 5),
  });
}

/** The last line of apt-get's output that tells of an error. */
function lastError(output) {
  const line = output.match(/^E: .*$/gm)?.at(-1) ?? lastLines(output, 1)[0] ?? "no reason given";
  return line.replace(/^E: /, "").replace(/\.$/, "");
}
