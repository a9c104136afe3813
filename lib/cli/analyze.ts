import { Command } from "commander";
import { analyzeCostCommand } from "./analyze-cost.js";

/** `codyra analyze`: what can be said of methods beside their accuracy. */
export function analyzeCommand(): Command {
  return new Command("analyze")
    .description("Analyse the methods.")
    .addCommand(analyzeCostCommand())
    .addHelpText("after", "\nExample:\n  $ codyra analyze cost --classes 1100 --tasks 10");
}
