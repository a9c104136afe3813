import { Command } from "commander";
import { downloadModel, isRepository, megabytes } from "../../download/index.js";
import { jsonText } from "../../files/index.js";
import { UsageError } from "../../options/index.js";
import { abortOnInterrupt } from "../interrupt.js";
import { print } from "../output/print.js";
import { Progress } from "../output/progress.js";

interface DownloadFlags {
  to?: string;
  revision: string;
  endpoint?: string;
  json?: boolean;
}

/** `codyra download`: a CLIP model from the Hugging Face hub. */
export function downloadCommand(): Command {
  return new Command("download")
    .description("Download a CLIP model from the Hugging Face hub.")
    .argument("<model>", "owner/name on the hub")
    .option("--to <dir>", "directory to write (default: codyra's cache, where --model owner/name finds it)")
    .option("--revision <revision>", "branch, tag or commit", "main")
    .option(
      "--endpoint <url>",
      "address of the hub (default: HF_ENDPOINT of the environment, or https://huggingface.co)",
    )
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Every file is checked against the hub's checksum. An interrupted download goes on where it was when the command is given again. A private
or gated model needs a token in HF_TOKEN.

Example:
  $ codyra download openai/clip-vit-base-patch16
  $ codyra classify --model openai/clip-vit-base-patch16 --labels "cat,dog" photo.jpg`,
    )
    .action(run);
}

async function run(repository: string, { to, revision, endpoint, json }: DownloadFlags): Promise<void> {
  if (!isRepository(repository)) {
    throw new UsageError(
      `'${repository}': expected a model as owner/name. Look it up on the hub, such as openai/clip-vit-base-patch16.`,
    );
  }
  const { downloadedModel } = await import("../../experiment/index.js");
  const progress = new Progress();
  const { signal } = abortOnInterrupt(() =>
    progress.say("Stopped. The same command goes on where this one was."),
  );
  progress.start(repository);
  const downloading = downloadModel(repository, {
    directory: to ?? downloadedModel(repository),
    revision,
    endpoint,
    signal,
    onRetry: (error, waitMs) => progress.say(`${error.message} Next attempt in ${waitMs / 1000} s.`),
    onWait: (lock) => progress.say(`Another process downloads it; waiting (${lock}).`),
    onProgress: (done, total, file) => progress.update(megabytes(done), megabytes(total), `MB  ${file}`),
  });
  const model = await downloading.finally(() => progress.finish());
  if (model.pickled) progress.say("Its weights are pickled: give --allow-pickle where it is used.");
  print(json ? jsonText({ repository, revision, ...model }) : `${model.directory}\n`);
}
