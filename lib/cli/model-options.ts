import { type Command, Option } from "commander";
import type { ModelSettings } from "./models.js";

/** Adds the options that say which model to start from. @param named whether `--model` names it, and not an argument */
export function addModelOptions(command: Command, { named = true } = {}): Command {
  if (named)
    command.option("--model <model>", "directory or file, owner/name of a downloaded one, or miniature");
  return command
    .option("--tokenizer <file>", "tokenizer.json or CLIP's vocabulary file, if the model comes without")
    .addOption(
      new Option("--activation <name>", "activation of a model file that does not tell").choices([
        "quick_gelu",
        "gelu",
      ]),
    )
    .option("--allow-pickle", "read model files that are pickles (.bin, .pt); their code is never run");
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
