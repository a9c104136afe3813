import { Command } from "commander";

interface ClassifyFlags {
  model: string;
  labels: string;
  template?: string;
  top: string;
  device: string;
  json?: boolean;
}

/** `codyra classify`: zero-shot classification of image files. */
export function classifyCommand(): Command {
  return new Command("classify")
    .description("Classify image files by labels given as text.")
    .argument("<image...>", "image files")
    .option("--model <dir>", "Hugging Face CLIP directory, or miniature", "miniature")
    .requiredOption("--labels <list>", "labels, separated by commas")
    .option("--template <text>", "prompt with {} for the label", "a photo of a {}.")
    .option("--top <n>", "labels to print per image", "5")
    .option("--device <device>", "cpu, cuda, cuda:1, …", "cpu")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      '\nExample:\n  $ codyra classify --model runs/shop/model --labels "rose,tulip,daisy" --template "a photo of a {}, a type of flower." *.jpg',
    )
    .action(async (images: string[], flags: ClassifyFlags) => {
      const labels = flags.labels
        .split(",")
        .map((label) => label.trim())
        .filter((label) => label !== "");
      const { classifyFiles } = await import("../clip/index.js");
      const { openModel } = await import("./experiment.js");
      const model = openModel(flags.model, flags.device);
      const results = await classifyFiles(model, images, labels, {
        template: flags.template,
        topK: Number(flags.top),
      });
      if (flags.json) {
        process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
        return;
      }
      for (const { path, predictions } of results) {
        process.stdout.write(`${path}\n`);
        for (const { label, probability } of predictions) {
          process.stdout.write(`  ${(100 * probability).toFixed(1).padStart(5)} %  ${label}\n`);
        }
      }
    });
}
