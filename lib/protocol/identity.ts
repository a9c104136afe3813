import { createHash } from "node:crypto";
import { version } from "../torch/index.js";
import type { RunOptions } from "./run-options.js";
import { packageVersion } from "./run-record.js";

/**
 * The run and task that saved work belongs to, in words for people. All of it must be the same for a run to
 * go on from it.
 */
export type Identity = Readonly<Record<string, unknown>>;

/**
 * The facts that must be the same for a run to go on within a task, beside those that resuming compares
 * anyway.
 */
export function taskIdentity(options: RunOptions, task: number): Identity {
  return { ...modelIdentity(options, task), images: options.tasks[task]?.fingerprint };
}

/** The same of a row of the matrix; −1 is the one before any training. */
export function rowIdentity(options: RunOptions, task: number): Identity {
  const { evaluationBatchSize, evaluationPrecision = "exact", tasks, holdOuts = [] } = options;
  const images = JSON.stringify([...tasks, ...holdOuts].map(({ test }) => test.fingerprint));
  return {
    ...modelIdentity(options, task),
    "test images": digest(images),
    "evaluation batch size": evaluationBatchSize,
    "evaluation precision": evaluationPrecision,
  };
}

/** Names of what differs. */
export function differing(found: Identity, wanted: Identity): string[] {
  const keys = new Set([...Object.keys(found), ...Object.keys(wanted)]);
  return [...keys].filter((key) => JSON.stringify(found[key]) !== JSON.stringify(wanted[key]));
}

function modelIdentity({ method, model, protocol, seed, tasks }: RunOptions, task: number): Identity {
  const classes = JSON.stringify(tasks.map(({ name, classes, templates }) => [name, classes, templates]));
  return {
    codyra: packageVersion(),
    libtorch: version(),
    method: method.name,
    options: method.options,
    protocol,
    seed,
    task,
    "stream of classes": digest(classes),
    device: model.device.split(":")[0], // one of several processes has a GPU of its own
    precision: model.precision,
  };
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
