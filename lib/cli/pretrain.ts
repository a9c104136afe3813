import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { abortOnInterrupt } from "./interrupt.js";
import { Progress } from "./progress.js";

interface PretrainFlags {
  to: string;
  steps?: string;
  pairs?: string;
  seed?: string;
}

/** `codyra pretrain`: makes the miniature CLIP that comes with codyra. */
export function pretrainCommand(): Command {
  return new Command("pretrain")
    .description(
      "Train the miniature CLIP from nothing on drawn image–caption pairs, as the embedded one was.",
    )
    .requiredOption("--to <dir>", "directory to write, in Hugging Face layout")
    .option("--steps <n>", "training steps (default: the recipe's)")
    .option("--pairs <n>", "image–caption pairs to draw (default: the recipe's)")
    .option("--seed <n>", "seed (default: the recipe's)")
    .addHelpText("after", "\nExample:\n  $ codyra pretrain --to my-miniature-clip")
    .action(pretrainMiniature);
}

async function pretrainMiniature(flags: PretrainFlags): Promise<void> {
  const { createModel, parseConfig, pretrain, readAssets, saveModel } = await import("../clip/index.js");
  const { miniature } = await import("../data/index.js");
  const torch = await import("../torch/index.js");
  const target = resolve(flags.to);
  if (existsSync(join(target, "model.safetensors"))) {
    throw new Error(`${target} holds a model already: expected a new directory. Name another one.`);
  }
  const given = Object.entries(flags).filter(([key, value]) => key !== "to" && value !== undefined);
  const recipe = {
    ...miniature.miniatureRecipe,
    ...Object.fromEntries(given.map(([key, value]) => [key, Number(value)])),
  };
  const progress = new Progress();
  const interrupt = abortOnInterrupt(() => progress.say("Stopping; nothing is written."));

  progress.start(`drawing ${recipe.pairs} image–caption pairs`);
  const { images, captions } = await miniature.drawPretrainingPairs({
    count: recipe.pairs,
    seed: recipe.seed,
    size: recipe.imageSize,
  });
  progress.finish();
  const files = miniature.miniatureModelFiles(recipe);
  const scratch = mkdtempSync(join(tmpdir(), "codyra-pretrain-"));
  try {
    for (const [name, content] of Object.entries(files))
      writeFileSync(join(scratch, name), JSON.stringify(content, null, 1));
    const model = createModel(parseConfig(files["config.json"]), {
      seed: recipe.seed,
      assets: readAssets(scratch, { contextLength: recipe.contextLength }),
    });
    const pixels = torch.scope(() =>
      torch
        .fromTypedArray(images, [recipe.pairs, recipe.imageSize, recipe.imageSize, 3])
        .permute([0, 3, 1, 2])
        .contiguous(),
    );
    progress.start(`training ${model.numParameters()} parameters`);
    await pretrain(model, pixels, captions, {
      ...recipe,
      signal: interrupt.signal,
      onProgress: (step, loss) => progress.update(step, recipe.steps, `loss ${loss.toFixed(3)}`),
    });
    progress.finish();
    mkdirSync(target, { recursive: true });
    saveModel(model, target);
    process.stdout.write(`${target}\n`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
