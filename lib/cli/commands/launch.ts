import { availableParallelism } from "node:os";
import { Command } from "commander";
import { UsageError } from "../../options/index.js";
import { positiveInteger } from "../input/positive-integer.js";
import { launch } from "../launcher.js";

/** Commands that several processes do together. */
const together = ["run", "learn", "demo"];

/** More only wait for each other, and each takes the memory of a model. */
const mostPerCore = 4;

/** `codyra launch`: a command that trains on several processes of this machine. */
export function launchCommand(): Command {
  return new Command("launch")
    .description("Do one run on several processes of this machine, with the result of one process.")
    .requiredOption("-n, --processes <n>", "how many: one per GPU, or one per socket", positiveInteger)
    .argument("<command...>", "the command that they do together, such as run, with its arguments")
    .passThroughOptions()
    .allowUnknownOption()
    .addHelpText(
      "after",
      `
The processes share the images of every batch and the test images; cores are divided among them. Ctrl-C stops
all of them after the same step. On several machines, torchrun or srun starts them: docs/clusters.md.

Examples:
  $ codyra launch --processes 2 run --config shop.yaml
  $ codyra launch --processes 2 run --config shop.yaml --resume
  $ codyra launch --processes 2 learn --run runs/shop --dataset lamps --root photos/lamps
  $ torchrun --no-python --nproc-per-node 2 --max-restarts 3 npx codyra run --config shop.yaml --resume-if-started`,
    )
    .action(async (words: string[], { processes }: { processes: number }) => {
      if (!together.includes(words[0] as string)) {
        throw new UsageError(
          `launch: expected run, learn or demo, got ${words[0]}. Other commands use one process: leave launch out.`,
        );
      }
      const cores = availableParallelism();
      if (processes > mostPerCore * cores) {
        throw new UsageError(
          `launch --processes: expected at most ${mostPerCore * cores}, ${mostPerCore} for each of ${cores} cores, got ${processes}. Each trains a copy of the model: one per GPU or socket is usual.`,
        );
      }
      process.exitCode = await launch(words, processes);
    });
}
