import { Command } from "commander";
import { analyzeAmplificationCommand } from "./analyze-amplification.js";
import { analyzeCostCommand } from "./analyze-cost.js";
import { analyzeDriftCommand } from "./analyze-drift.js";
import { analyzeFrontierCommand } from "./analyze-frontier.js";
import { analyzeRanksCommand } from "./analyze-ranks.js";
import { analyzeRemoveCommand } from "./analyze-remove.js";

/** `codyra analyze`: what can be said of methods and runs beside their accuracy. */
export function analyzeCommand(): Command {
  return new Command("analyze")
    .description("Analyse the methods, and what runs did to the model.")
    .addCommand(analyzeRanksCommand())
    .addCommand(analyzeAmplificationCommand())
    .addCommand(analyzeRemoveCommand())
    .addCommand(analyzeFrontierCommand())
    .addCommand(analyzeDriftCommand())
    .addCommand(analyzeCostCommand())
    .addHelpText(
      "after",
      "\nExamples:\n  $ codyra analyze ranks --run runs/shop\n  $ codyra analyze cost --classes 1100 --tasks 10",
    );
}
