import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { modelFingerprint } from "../clip/index.js";
import type { ReferenceData } from "../methods/index.js";
import { formatVersion, type HoldOutRecord, type ReferenceRecord, type RunRecord } from "../records/index.js";
import * as torch from "../torch/index.js";
import type { TestSet } from "./evaluate.js";
import type { RunOptions } from "./run-options.js";
import { describeStatistics } from "./statistics-file.js";

/** The record of a run that begins now. */
export function newRecord(options: RunOptions): RunRecord {
  const { name, method, protocol, seed, config, tasks, holdOuts = [], reference, inherited, model } = options;
  const { evaluationPrecision = "exact" } = options;
  return {
    formatVersion,
    name,
    method: method.name,
    methodLabel: method.label,
    protocol,
    seed,
    config: {
      ...config,
      precision: model.precision,
      ...(evaluationPrecision !== "exact" && { evaluationPrecision }),
      options: method.options,
    },
    versions: { codyra: packageVersion(), libtorch: torch.version(), node: process.versions.node },
    gitRevision: gitRevision(),
    datasets: tasks.map((task) => ({
      name: task.name,
      classes: [...task.classes],
      template: task.templates[0] as string,
      ...severalTemplates(task.templates),
      trainImages: task.train.length,
      testImages: task.test.length,
      fingerprint: task.fingerprint,
    })),
    holdOuts: holdOuts.length === 0 ? undefined : holdOuts.map(describeTestSet),
    reference: reference && describeReference(reference),
    inherited: method.replaysStatistics && inherited ? describeStatistics(inherited) : null,
    modelFingerprint: modelFingerprint(model, { precision: false }),
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
    ...severalTemplates(templates),
    testImages: test.length,
    fingerprint: test.fingerprint,
  };
}

/** The first one has a field of its own. */
function severalTemplates(templates: readonly string[]): { templates?: string[] } {
  return templates.length > 1 ? { templates: [...templates] } : {};
}

function describeReference({ name, images, texts }: ReferenceData): ReferenceRecord {
  const content = JSON.stringify([images.fingerprint, texts]);
  const fingerprint = createHash("sha256").update(content).digest("hex");
  return { name, images: images.length, texts: texts.length, fingerprint };
}

export function packageVersion(): string {
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
