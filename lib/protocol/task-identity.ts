import { createHash } from "node:crypto";
import { version } from "../torch/index.js";
import type { RunOptions } from "./run-options.js";
import { packageVersion } from "./run-record.js";
import type { Identity } from "./stage-files.js";

/**
 * The facts that must be the same for a run to go on within a task, beside those that resuming compares
 * anyway.
 */
export function taskIdentity({ method, model, protocol, seed, tasks }: RunOptions, task: number): Identity {
  const classes = JSON.stringify(tasks.map(({ name, classes, templates }) => [name, classes, templates]));
  return {
    codyra: packageVersion(),
    libtorch: version(),
    method: method.name,
    options: method.options,
    protocol,
    seed,
    task,
    images: tasks[task]?.fingerprint,
    "stream of classes": createHash("sha256").update(classes).digest("hex"),
    device: model.device.split(":")[0], // one of several processes has a GPU of its own
    precision: model.precision,
  };
}
