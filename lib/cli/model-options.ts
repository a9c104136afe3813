import type { Command } from "commander";
import { modelShape } from "../options/index.js";
import { addSettings } from "./flags.js";

/** Adds the options that say which model to start from. */
export function addModelOptions(command: Command): Command {
  return addSettings(command, modelShape);
}
