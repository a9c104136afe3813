import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { parse } from "yaml";
import { isGroup, methodsInProtocol, withAssignment } from "../../dist/options/index.js";
import { packageRoot, readJson } from "../setup/files.mjs";

/**
 * Groups of runs, as in configs/paper/plan.yaml: those with `config` are made by `codyra run`, those with
 * `protocol` on the embedded benchmark by `codyra demo`. `results` names what is written of them. `withPack`
 * makes the configurations of groups from a plan's own `config`.
 */
export function readPlan(path) {
  const { seeds, groups, config, results = "miniature" } = readYaml(path);
  const located = (file) => file && { config: relative(process.cwd(), resolve(dirname(path), file)) };
  return {
    seeds,
    results,
    ...located(config),
    groups: groups.map((group) => ({ ...group, ...located(group.config) })),
  };
}

/** The settings in the configuration of a group. */
export function settingsOf({ config = join(packageRoot, "configs", "miniature.yaml") }) {
  return readYaml(config);
}

/**
 * The runs of a plan in their order, group by group and seed by seed, so that a part of a group compares all
 * methods.
 * @param choice groups, methods and seeds to leave the others out
 *   - `shared`: arguments for every `codyra run`
 *   - `model`: start of runs of the embedded benchmark
 * @returns {Work[]}
 * @typedef {object} Work
 * @property {string} id
 * @property {object} group
 * @property {string} [method]
 * @property {number} [seed]
 * @property {string} directory
 * @property {string[]} args those of the command `codyra`
 * @property {() => boolean} isFinished
 * @property {Work} [needs] the work that must be finished before
 */
export function planRuns(
  { seeds, groups },
  folder,
  { only, methods, seeds: chosenSeeds, shared = [], model } = {},
) {
  return groups
    .filter(({ name }) => !only || only.includes(name))
    .flatMap((group) =>
      (chosenSeeds ?? group.seeds ?? seeds).flatMap((seed) =>
        group.methods
          .filter((method) => !methods || methods.includes(method))
          .flatMap((method) =>
            variations(group.vary).flatMap((options) =>
              work({ group, seed, method, options, model }, folder, shared),
            ),
          ),
      ),
    );
}

/** Every choice of one entry from each list, as lists of options. */
function variations(lists = []) {
  const none = [[]];
  return lists.reduce(
    (before, entries) =>
      before.flatMap((chosen) => entries.map((entry) => [...chosen, ...entry.split(" ").filter(Boolean)])),
    none,
  );
}

function work(run, folder, shared) {
  const { group, seed, method, options } = run;
  const id = [group.name, ...(options.length > 0 ? [options.join("_")] : []), `seed-${seed}`, method].join(
    "/",
  );
  const directory = join(folder, id);
  const args = group.config ? runArguments(run, directory, shared) : demoArguments(run, directory);
  const wanted = expected(run);
  const made = { id, group, method, seed, directory, args, isFinished: () => isFinished(directory, wanted) };
  if (group.remove !== options.join(" ")) return [made];
  const file = join(directory, "analysis", "remove.json");
  const removal = ["analyze", "remove", "--run", directory, "--to", file];
  return [
    made,
    {
      id: `${id}/remove`,
      group,
      directory,
      args: removal,
      isFinished: () => Boolean(readJson(file)),
      needs: made,
    },
  ];
}

function runArguments({ group, seed, method, options }, directory, shared) {
  return [
    ...["run", "--config", group.config, ...shared, "--method", method, "--seed", String(seed)],
    ...datasets(group, "--datasets"),
    ...options.flatMap((option) => ["--option", option]),
    ...["--output", directory, "--resume"],
  ];
}

/** `codyra demo` puts each method into a folder of its name. */
function demoArguments({ group, seed, method, options, model }, directory) {
  return [
    ...["demo", "--protocol", group.protocol, "--methods", method, "--seed", String(seed)],
    ...(model === undefined ? [] : ["--model", model]),
    ...datasets(group, "--domains"),
    ...options.flatMap((option) => ["--option", option]),
    ...["--output", dirname(directory), "--resume"],
  ];
}

function datasets({ datasets = [], holdOuts = [] }, name) {
  return [
    ...(datasets.length > 0 ? [name, ...datasets] : []),
    ...(holdOuts.length > 0 ? ["--hold-outs", ...holdOuts] : []),
  ];
}

/** The settings and options that the run's record must have, as the configuration names them. */
function expected({ group, method, options, model: chosen }) {
  const settings = settingsOf(group);
  const { model: usual, shots, testPerClass, referencePairs } = settings;
  const others = group.config
    ? { shots }
    : { model: recorded(chosen ?? usual), shots, testPerClass, referencePairs };
  return {
    ...others,
    options: options.reduce(withAssignment, methodsInProtocol(settings, group.protocol)[method] ?? {}),
  };
}

/** A model's name as `codyra demo` records it. */
function recorded(model) {
  return !/^miniature(-v\d+)?$/.test(model) && existsSync(model) ? resolve(model) : model;
}

/** Whether a run has come to its end with what is expected of it. */
function isFinished(directory, wanted) {
  const record = readJson(join(directory, "run.json"));
  return Boolean(record?.finishedAt) && holds(record.config, wanted);
}

/** Whether `found` has everything wanted, and perhaps more; `true` stands for any options. */
function holds(found, wanted) {
  if (wanted === true && isGroup(found)) return true;
  if (!isGroup(found) || !isGroup(wanted)) return isDeepStrictEqual(found, wanted);
  return Object.entries(wanted).every(([key, value]) => holds(found[key], value));
}

const files = new Map();

function readYaml(path) {
  if (!files.has(path)) files.set(path, parse(readFileSync(path, "utf8"), { merge: true }));
  return files.get(path);
}
