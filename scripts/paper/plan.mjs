import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { parse } from "yaml";
import { packageRoot, readJson } from "../setup/files.mjs";

export const protocols = ["x-tail", "mtil"];

/** What configs/miniature.yaml says. */
export function readSettings() {
  return parse(readFileSync(join(packageRoot, "configs", "miniature.yaml"), "utf8"), { merge: true });
}

/** The folder of one run. `codyra demo` puts each method into a folder of its name. */
export function runDirectory(folder, { protocol, seed, method }) {
  return join(folder, protocol, `seed-${seed}`, method);
}

/**
 * The runs in the order in which they are made: seed by seed, so that a part of them compares all methods.
 * @returns {{ label: string, args: string[], isFinished: boolean }[]} args: of the command `codyra`
 */
export function planRuns(settings, { protocols, methods, seeds }, folder) {
  const all = seeds.flatMap((seed) =>
    protocols.flatMap((protocol) => methods.map((method) => ({ protocol, method, seed }))),
  );
  const width = Math.max(...methods.map((method) => method.length));
  return all.map((run) => {
    const { protocol, method, seed } = run;
    const directory = runDirectory(folder, run);
    const output = join(directory, "..");
    const choice = ["--protocol", protocol, "--methods", method, "--seed", String(seed)];
    return {
      label: `${protocol.padEnd(6)}  ${method.padEnd(width)}  seed ${seed}`,
      args: ["demo", ...choice, "--output", output, "--resume"],
      isFinished: isFinished(directory, settings, method),
    };
  });
}

/** Whether a run has come to its end with the options that the settings have now. */
export function isFinished(directory, { shots, testPerClass, referencePairs, methods }, method) {
  const record = readJson(join(directory, "run.json"));
  const wanted = { shots, testPerClass, referencePairs, options: methods[method] };
  return Boolean(record?.finishedAt) && holds(record.config, wanted);
}

/** Whether everything wanted is in what was found, which may have more. */
function holds(found, wanted) {
  if (!isGroup(found) || !isGroup(wanted)) return isDeepStrictEqual(found, wanted);
  return Object.entries(wanted).every(([key, value]) => holds(found[key], value));
}

function isGroup(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
