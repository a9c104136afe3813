import { Command } from "commander";
import { dataCacheCommand } from "./data-cache.js";
import { dataCheckCommand } from "./data-check.js";
import { dataPrepareCommand } from "./data-prepare.js";

/** `codyra data`: the datasets on disk. */
export function dataCommand(): Command {
  return new Command("data")
    .description("Check and prepare datasets, and manage the cache of decoded images.")
    .addCommand(dataCheckCommand())
    .addCommand(dataPrepareCommand())
    .addCommand(dataCacheCommand())
    .addHelpText(
      "after",
      `
Examples:
  $ codyra data prepare dtd --root datasets --download
  $ codyra data check --root datasets
  $ codyra data cache`,
    );
}
