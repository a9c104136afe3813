import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { clip, data, torch } from "../../dist/index.js";
import { classNames } from "./class-names.mjs";
import { findJpegs } from "./jpegs.mjs";

/**
 * Writes photographs, transformed as the model reads them, and the token ids of class names. Where the folder
 * has too few, they come again from the beginning.
 * @param directory holds the model's tokenizer and preprocessing
 */
export async function writePhotographs(path, { directory, imageFolder, images, imageSize, classes }) {
  const { preprocessing, tokenizer } = clip.readAssets(directory, { imageSize });
  const folder = resolve(import.meta.dirname, "../..", imageFolder);
  const distinct = await findJpegs(folder, Math.min(images, 4000));
  const files = Array.from({ length: images }, (_, i) => distinct[i % distinct.length]);
  const examples = files.map((file) => ({ name: file, label: 0, file, read: () => readFile(file) }));
  const all = torch.empty([images, 3, imageSize, imageSize], { dtype: "uint8" });
  for await (const { indices, images: part } of data.loadBatches(examples, preprocessing.transform, {
    batchSize: 50,
  })) {
    torch.scope(() => all.narrow(0, indices[0], part.size(0)).copy_(part));
  }
  torch.scope(() => {
    const ids = tokenizer.encode(
      classNames(classes).map((name) => clip.fillTemplate(clip.defaultTemplate, name)),
    );
    torch.safetensors.save(
      path,
      new Map([
        ["images", all],
        ["ids", ids],
      ]),
    );
  });
  all.dispose();
}
