import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { Command } from "commander";

/** `codyra export`: the model of a run as a Hugging Face directory. */
export function exportCommand(): Command {
  return new Command("export")
    .description("Write the merged model of a run as a Hugging Face directory that transformers loads.")
    .requiredOption("--run <dir>", "run directory")
    .requiredOption("--to <dir>", "directory to write")
    .addHelpText("after", "\nExample:\n  $ codyra export --run runs/shop --to shop-clip")
    .action(async ({ run, to }: { run: string; to: string }) => {
      const { saveModel } = await import("../clip/index.js");
      const { RunDirectory } = await import("../protocol/index.js");
      const { openModel } = await import("./experiment.js");
      const directory = new RunDirectory(run);
      if (!directory.exists())
        throw new Error(
          `${run}: expected a run directory, but it has no run.json. Give a folder made by codyra run.`,
        );
      const target = resolve(to);
      if (existsSync(join(target, "model.safetensors"))) {
        throw new Error(`${target} holds a model already: expected a new directory. Name another one.`);
      }
      const tasks = directory.readMatrix()?.matrix.length ?? 0;
      if (tasks === 0)
        throw new Error(
          `${run}: no task is finished yet, so there is nothing to export. Resume the run first.`,
        );
      const model = openModel(String(directory.readRecord().config.model), "cpu");
      directory.loadCheckpoint(tasks - 1, model);
      saveModel(model, target);
      process.stdout.write(`${target}\n`);
    });
}
