import type { Command } from "commander";
import { modelShape } from "../options/index.js";
import { addSettings } from "./flags.js";
import type { ModelSettings } from "./models.js";

/** Adds the options that say which model to start from. */
export function addModelOptions(command: Command): Command {
  return addSettings(command, modelShape);
}

/** The settings of the model alone, of flags or a configuration; those not given are left out. */
export function modelSettings({ model, tokenizer, activation, allowPickle }: ModelSettings): ModelSettings {
  return {
    model,
    ...(tokenizer !== undefined && { tokenizer }),
    ...(activation !== undefined && { activation }),
    ...(allowPickle && { allowPickle }),
  };
}
