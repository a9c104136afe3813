import type { DualEncoder } from "../clip/index.js";
import { type ContinualMethod, checkModel } from "../methods/index.js";
import type { Device } from "../options/index.js";
import { cuda } from "../torch/index.js";
import type { Config } from "./config.js";
import { type GuardConfig, readGuard } from "./guard-config.js";
import { type ModelSettings, modelSettings, resolveModel } from "./models.js";
import { openMethod } from "./open-method.js";
import { openModel } from "./open-model.js";
import { ownDevice } from "./processes.js";

/** The start of a run, before its data. */
export interface RunStart {
  readonly method: ContinualMethod;
  readonly device: Device;
  readonly model: ModelSettings;
  readonly guard: GuardConfig | undefined;
  /** The model on the CPU, for its tokenizer and preprocessing. Dispose of it when the data are read. */
  readonly reader: DualEncoder;
}

/**
 * Opens what a run needs before its data. `codyra data check` does the same: what is refused here, a run
 * refuses.
 * @throws if options of the method do not fit, or its needs, the device or the model are not there
 */
export function openStart(config: Config): RunStart {
  const device = ownDevice(config.device);
  const model = modelSettings(config);
  const method = openMethod(config.method, config.options, config.protocol);
  cuda.checkDevice(device);
  method.checkNeeds?.({ hasReference: config.reference !== undefined });
  const guard = typeof config.guard === "string" ? readGuard(config.guard, "guard:") : config.guard;
  if (guard?.against !== undefined) resolveModel(guard.against);
  const reader = openModel(model, "cpu");
  try {
    checkModel(method, reader);
  } catch (error) {
    reader.dispose();
    throw error;
  }
  return { method, device, model, guard, reader };
}
