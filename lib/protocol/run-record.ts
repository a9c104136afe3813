import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { methods, type ReferenceData } from "../methods/index.js";
import { formatVersion, type HoldOutRecord, type ReferenceRecord, type RunRecord } from "../records/index.js";
import * as torch from "../torch/index.js";
import type { TestSet } from "./evaluate.js";
import type { RunOptions } from "./run-options.js";

/** What a run that begins now is. */
export function newRecord(options: RunOptions): RunRecord {
  const { name, method, protocol, seed, config, tasks, holdOuts = [], reference, model } = options;
  return {
    formatVersion,
    name,
    method: method.name,
    protocol,
    seed,
    config: { ...config, precision: model.precision, options: method.options },
    versions: { codyra: packageVersion(), libtorch: torch.version(), node: process.versions.node },
    gitRevision: gitRevision(),
    datasets: tasks.map((task) => ({
      name: task.name,
      classes: [...task.classes],
      template: task.templates[0] as string,
      trainImages: task.train.length,
      testImages: task.test.length,
      fingerprint: task.fingerprint,
    })),
    holdOuts: holdOuts.length === 0 ? undefined : holdOuts.map(describeTestSet),
    reference: reference && describeReference(reference),
    startedAt: new Date().toISOString(),
    finishedAt: null,
    durationSeconds: 0,
    peakResidentBytes: 0,
    memory: {},
    trainableParameters: 0,
    totalParameters: model.numParameters(),
  };
}

function describeTestSet({ name, classes, templates, test }: TestSet): HoldOutRecord {
  return {
    name,
    classes: [...classes],
    template: templates[0] as string,
    testImages: test.length,
    fingerprint: test.fingerprint,
  };
}

function describeReference({ name, images, texts }: ReferenceData): ReferenceRecord {
  const content = JSON.stringify([images.fingerprint, texts]);
  const fingerprint = createHash("sha256").update(content).digest("hex");
  return { name, images: images.length, texts: texts.length, fingerprint };
}

/** @throws if a run that is there already is not the one that would begin now, naming what differs */
export function checkIsSame(found: RunRecord, fresh: RunRecord, path: string): void {
  const mustAgree = ["method", "protocol", "seed", "config", "datasets", "holdOuts", "reference"] as const;
  const completed = { ...found, config: withDefaults(found) };
  const different = mustAgree.flatMap((key) => differences(completed[key], toJson(fresh[key]), key));
  if (different.length === 0) return;
  throw new Error(
    `${path} holds a run with another ${different.join(", ")}: expected the same to resume it. ` +
      "Use the configuration in its run.json, or name another directory.",
  );
}

/**
 * The configuration of a run with what codyra knew nothing of when it was recorded: an option that is missing
 * stands at its default, which is what the run did. The same holds for precision: encoders computed in
 * float32.
 */
function withDefaults({ config, method, protocol }: RunRecord): RunRecord["config"] {
  const known = { precision: "fp32", ...config };
  if (!isRecord(config.options)) return known;
  const definition = methods.find(({ name }) => name === method);
  try {
    return { ...known, options: toJson(definition?.resolve(config.options, protocol) ?? config.options) };
  } catch {
    return known; // options that no longer fit are told as what differs
  }
}

/** Paths at which two values from JSON differ, such as `config.options.rank`. Arrays count as a whole. */
function differences(found: unknown, fresh: unknown, path: string): string[] {
  if (isDeepStrictEqual(found, fresh)) return [];
  if (!isRecord(found) || !isRecord(fresh)) return [path];
  const keys = new Set([...Object.keys(found), ...Object.keys(fresh)]);
  return Array.from(keys).flatMap((key) => differences(found[key], fresh[key], `${path}.${key}`));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** As it will be read back from the file. */
function toJson(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

function packageVersion(): string {
  return (JSON.parse(readFileSync(join(torch.packageRoot, "package.json"), "utf8")) as { version: string })
    .version;
}

/** The revision of codyra's own checkout; null where it is installed as a package. */
function gitRevision(): string | null {
  try {
    const git = (...args: string[]): string =>
      execFileSync("git", args, {
        cwd: torch.packageRoot,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      }).trim();
    return realpathSync(git("rev-parse", "--show-toplevel")) === realpathSync(torch.packageRoot)
      ? git("rev-parse", "HEAD")
      : null;
  } catch {
    return null;
  }
}
