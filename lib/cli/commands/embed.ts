import { Command } from "commander";
import type { ModelSettings } from "../../experiment/index.js";
import type { Device, Precision } from "../../options/index.js";
import { settingFlag } from "../input/flags.js";
import { addModelOptions } from "../input/model-options.js";
import { positiveInteger } from "../input/positive-integer.js";
import { precisionOption } from "../input/precision.js";

export interface EmbedFlags extends Partial<ModelSettings> {
  to: string;
  texts?: string;
  batchSize: number | "auto";
  device?: Device;
  precision?: Precision;
  strict?: boolean;
  json?: boolean;
}

/** `codyra embed`: vectors of images or texts, in a file. */
export function embedCommand(): Command {
  const command = new Command("embed")
    .description("Write the vectors of images or texts to a file, for search and for other programs.")
    .argument("[image...]", "image files, folders of images, or quoted patterns such as 'photos/**/*.jpg'")
    .requiredOption("--to <file>", "file to make: .parquet, .npy or .safetensors")
    .option("--texts <file>", "embed the lines of a text file instead of images");
  return addModelOptions(command)
    .option("--batch-size <n>", "items per pass, or auto", batchSize, "auto")
    .addOption(settingFlag("device"))
    .addOption(precisionOption())
    .option("--strict", "stop at the first image that cannot be read")
    .option("--json", "print a summary of the file as JSON")
    .addHelpText(
      "after",
      `
A row has the path of an image or the text, the image's folder below the given one, and a unit vector of float32. The file
also says which model made it. Parquet has a list column that pandas, DuckDB, Polars and LanceDB read; .npy and .safetensors have a CSV
of names beside them.

Work that was stopped goes on with the same command; it is kept in FILE.partial until then. Images that cannot be read are told at the
end, with exit code 1; their rows are left out.

Examples:
  $ codyra embed --model shop-clip --to photos.parquet photos/
  $ codyra embed --model shop-clip --to queries.npy --texts queries.txt
  $ codyra search --index photos.parquet "a red shoe"`,
    )
    .action(async (places: string[], flags: EmbedFlags) => {
      const { embed } = await import("../actions/embed.js");
      await embed(places, flags);
    });
}

function batchSize(text: string): number | "auto" {
  return text === "auto" ? text : positiveInteger(text);
}
