import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Command, Option } from "commander";
import type { DualEncoder } from "../../clip/index.js";
import type { miniature } from "../../data/index.js";
import { abortOnInterrupt } from "../interrupt.js";
import { print } from "../output/print.js";
import { Progress } from "../output/progress.js";

interface PretrainFlags {
  to: string;
  recipe: miniature.MiniatureName;
  from?: string;
  iterations?: string;
  steps?: string;
  pairs?: string;
  seed?: string;
}

/** `codyra pretrain`: makes the miniature CLIPs that come with codyra. */
export function pretrainCommand(): Command {
  return new Command("pretrain")
    .description(
      "Train the miniature CLIP from nothing on drawn image–caption pairs, as the embedded one was.",
    )
    .requiredOption("--to <dir>", "directory to write, in Hugging Face layout")
    .addOption(
      new Option(
        "--recipe <name>",
        "model to make; miniature-v2 is miniature, trained on with a wider mixture",
      )
        .choices(["miniature", "miniature-v2"])
        .default("miniature"),
    )
    .option("--from <model>", "go on with this model instead of making the one that the recipe goes on with")
    .option("--iterations <n>", "iterations of each stage (default: the recipe's)")
    .addOption(new Option("--steps <n>", "--iterations, as earlier versions call it").hideHelp())
    .option("--pairs <n>", "image–caption pairs to draw for each stage (default: the recipe's)")
    .option("--seed <n>", "seed (default: the recipe's)")
    .addHelpText(
      "after",
      `
Examples:
  $ codyra pretrain --to my-miniature-clip
  $ codyra pretrain --recipe miniature-v2 --from miniature --to my-wider-clip`,
    )
    .action(pretrainMiniature);
}

async function pretrainMiniature(flags: PretrainFlags): Promise<void> {
  const { saveModel } = await import("../../clip/index.js");
  const target = resolve(flags.to);
  if (existsSync(join(target, "model.safetensors"))) {
    throw new Error(`${target} holds a model already: expected a new directory. Name another one.`);
  }
  const progress = new Progress();
  const interrupt = abortOnInterrupt(() => progress.say("Stopping; nothing is written."));
  const model = await makeModel(flags.recipe, flags, progress, interrupt.signal);
  mkdirSync(target, { recursive: true });
  saveModel(model, target);
  print(`${target}\n`);
}

/**
 * The model of a recipe: first the one that it goes on with, or the one given instead, then its own pairs.
 */
async function makeModel(
  name: miniature.MiniatureName,
  flags: PretrainFlags,
  progress: Progress,
  signal: AbortSignal,
): Promise<DualEncoder> {
  const { loadModel, pretrain } = await import("../../clip/index.js");
  const { resolveModel } = await import("../../experiment/index.js");
  const { miniature } = await import("../../data/index.js");
  const torch = await import("../../torch/index.js");
  const { iterations: wanted = flags.steps, pairs, seed: wantedSeed } = flags;
  const given = Object.entries({ iterations: wanted, pairs, seed: wantedSeed }).filter(
    ([, value]) => value !== undefined,
  );
  const recipe = {
    ...miniature.miniatureRecipes[name],
    ...Object.fromEntries(given.map(([key, value]) => [key, Number(value)])),
  };
  const model =
    flags.from !== undefined
      ? loadModel(resolveModel(flags.from))
      : recipe.after !== undefined
        ? await makeModel(recipe.after, flags, progress, signal)
        : await newModel(recipe);
  progress.start(`drawing ${recipe.pairs} image–caption pairs`);
  const { images, captions } = await miniature.drawPretrainingPairs({
    mixture: recipe.mixture,
    count: recipe.pairs,
    seed: recipe.seed,
    size: recipe.imageSize,
  });
  progress.finish();
  const pixels = torch.scope(() =>
    torch
      .fromTypedArray(images, [recipe.pairs, recipe.imageSize, recipe.imageSize, 3])
      .permute([0, 3, 1, 2])
      .contiguous(),
  );
  progress.start(`training ${model.numParameters()} parameters`);
  const { iterations, batchSize, learningRate, weightDecay, betas, maxGradientNorm, maxLogitScale, seed } =
    recipe;
  await pretrain(model, pixels, captions, {
    ...{ iterations, batchSize, learningRate, weightDecay, betas, maxGradientNorm, maxLogitScale, seed },
    warmup: Math.min(recipe.warmup, iterations - 1), // fewer --iterations than the recipe's warm-up are allowed
    signal,
    onProgress: (iteration, loss) => progress.update(iteration, iterations, `loss ${loss.toFixed(3)}`),
  });
  progress.finish();
  pixels.dispose();
  return model;
}

/** A model with random weights, the recipe's sizes, and the miniature world's tokenizer. */
async function newModel(recipe: miniature.PretrainingRecipe): Promise<DualEncoder> {
  const { createModel, parseConfig, readAssets } = await import("../../clip/index.js");
  const { miniature } = await import("../../data/index.js");
  const files = miniature.miniatureModelFiles(recipe);
  const scratch = mkdtempSync(join(tmpdir(), "codyra-pretrain-"));
  try {
    for (const [name, content] of Object.entries(files))
      writeFileSync(join(scratch, name), JSON.stringify(content, null, 1));
    return createModel(parseConfig(files["config.json"]), {
      seed: recipe.seed,
      assets: readAssets(scratch, { contextLength: recipe.contextLength }),
    });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
