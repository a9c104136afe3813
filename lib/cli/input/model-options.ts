import type { Command } from "commander";
import { modelShape } from "../../options/index.js";
import { addSettings } from "./flags.js";

/**
 * Adds the options that say which model to start from.
 * @param named whether `--model` names it, and not an argument
 */
export function addModelOptions(command: Command, { named = true } = {}): Command {
  const { model, ...others } = modelShape;
  return addSettings(command, named ? { model, ...others } : others);
}
