// Which of some labels does a picture show? Without arguments, it draws pictures for itself.
//
//   node examples/classify.mjs
//   node examples/classify.mjs photo.jpg cat,dog,bird path/to/clip-vit-base-patch16

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { data, experiment } from "codyra";
import { drawFolder } from "./drawn-photos.mjs";

const [photo, labels, name = "miniature"] = process.argv.slice(2);
const model = experiment.openModel({ model: name }, "cpu");

if (photo !== undefined) {
  await classify([photo], (labels ?? "cat,dog,bird").split(","));
} else {
  const folder = mkdtempSync(join(tmpdir(), "codyra-example-"));
  try {
    await drawFolder(folder, "flowers", { shots: 1 });
    const { classes } = data.miniature.miniatureDomain("flowers");
    await classify(
      classes.map((flower) => join(folder, "test", flower, `${classes.indexOf(flower) * 10}.png`)),
      classes,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function classify(paths, candidates) {
  const options = { template: "a photo of a {}.", topK: 3 };
  for await (const result of data.classifyFiles(model, paths, candidates, options)) {
    if ("error" in result) throw new Error(`${result.path}: ${result.error}`);
    const guesses = result.predictions.map(
      (guess) => `${guess.label} ${(100 * guess.probability).toFixed(0)} %`,
    );
    console.log(`${result.path.split("/").slice(-2).join("/").padEnd(20)} ${guesses.join(", ")}`);
  }
}
