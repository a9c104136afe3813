import { Command } from "commander";
import type { ModelSettings } from "../../experiment/index.js";
import type { Device, Precision } from "../../options/index.js";
import { settingFlag } from "../input/flags.js";
import { addModelOptions } from "../input/model-options.js";
import { positiveInteger } from "../input/positive-integer.js";
import { precisionOption } from "../input/precision.js";

export interface SearchFlags extends Partial<ModelSettings> {
  index: string;
  image?: string[];
  top: number;
  device?: Device;
  precision?: Precision;
  anyModel?: boolean;
  exact?: boolean;
  approximate?: boolean;
  json?: boolean;
}

/** `codyra search`: the nearest rows of a file of vectors, for texts or images. */
export function searchCommand(): Command {
  const command = new Command("search")
    .description("Find the images or texts of a file of vectors that are nearest to a text or an image.")
    .argument("[text...]", "texts to look for, each by itself")
    .requiredOption("--index <file>", "vectors that codyra embed wrote")
    .option("--image <file...>", "look for what resembles these images");
  return addModelOptions(command)
    .option("--top <n>", "rows to print for each query", positiveInteger, 10)
    .addOption(settingFlag("device"))
    .addOption(precisionOption())
    .option("--exact", "compare every vector, even if there is an approximate index")
    .option("--approximate", "make an approximate index beside the file and search that")
    .option("--any-model", "search even if the vectors are of another model")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Up to a million vectors, the search is exact: every vector is compared. With --approximate, and beyond a million, it uses an
index beside the file (FILE.usearch), which is made again when the vectors have changed. The index misses few of the nearest rows, and reads no vectors.

Texts are embedded as they are written: "a photo of a red shoe" finds more than "shoe". The model is the one that the vectors were made with, unless --model names another.

Examples:
  $ codyra search --index photos.parquet "a red shoe" "a blue bag"
  $ codyra search --index photos.parquet --image this.jpg --top 3 --json
  $ codyra search --index million.npy --approximate "a red shoe"`,
    )
    .action(async (texts: string[], flags: SearchFlags) => {
      const { search } = await import("../actions/search.js");
      await search(texts, flags);
    });
}
