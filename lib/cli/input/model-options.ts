import type { Command } from "commander";
import type { z } from "zod";
import { inputShape, modelShape } from "../../options/index.js";
import { addSettings } from "./flags.js";

/** Adds `--model` and what belongs to it, for commands that read a run whose base model may have moved. */
export function addBaseModelOptions(command: Command): Command {
  const { model: _model, ...others } = modelShape;
  const described = "new place of the model that the run started from, if it has moved; it is checked";
  return addSettings(command.option("--model <model>", described), others);
}

/** The flags of `addBaseModelOptions`. */
export type BaseModelFlags = Partial<z.input<z.ZodObject<typeof modelShape>>>;

/**
 * Adds the options that say which model to start from, and how images and texts get into it.
 * @param named whether `--model` names it, and not an argument
 */
export function addModelOptions(command: Command, { named = true } = {}): Command {
  const { model, ...others } = modelShape;
  return addSettings(command, { ...(named && { model }), ...others, ...inputShape });
}
