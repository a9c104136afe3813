// A method of one's own, in a run beside those of codyra. It learns a class by the mean of its image features
// and leaves CLIP's weights alone: a nearest-mean classifier that joins CLIP's own scores.
//
//   node examples/own-method.mjs

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clip, experiment, records, torch } from "codyra";
import { drawTask } from "./drawn-photos.mjs";

const { normalize } = torch.nn.functional;

/**
 * Scores of a class: the cosine of an image to the class's text plus `weight` times the mean of its training
 * images. In MTIL the classes of one dataset compete, and all of them have a mean or none has.
 * @param {{ weight: number }} options
 * @returns {import("codyra").methods.ContinualMethod}
 */
function classMeans({ weight }) {
  /**
   * Unit means by class name.
   * @type {Map<string, torch.Tensor>}
   */
  const means = new Map();
  return {
    name: "class-means",
    options: { weight },
    keepsWeights: true,
    beginTask() {},
    async trainTask({ train, classes }, { model }) {
      torch.noGrad(() =>
        torch.scope(() => {
          const pixels = model.preprocessing.normalise(train.images);
          const features = normalize(model.encodeImage(pixels));
          classes.forEach((name, label) => {
            const own = features.indexSelect(0, train.labels.eq(label).nonzero().flatten());
            means.set(name, normalize(own.mean([0], true)).keep());
          });
        }),
      );
      return { iterations: 1, trainableParameters: 0 }; // with 0, nothing would be evaluated anew
    },
    endTask() {},
    classifier({ groups }, { model }) {
      const names = groups.flatMap(({ classes }) => classes);
      const texts = torch.cat(
        groups.map((group) => clip.classFeatures(model, group.classes, group.templates)),
      );
      const images = torch.cat(names.map((name, i) => means.get(name) ?? texts.narrow(0, i, 1)));
      const prototypes = normalize(texts.add(images.mul(weight)));
      return (pixels) => torch.noGrad(() => normalize(model.encodeImage(pixels)).mm(prototypes.t()));
    },
    // A resumed run needs these beside the model.
    state: () => ({ tensors: new Map(means), data: {} }),
    loadState({ tensors }) {
      for (const [name, mean] of tensors) means.set(name, mean.keep());
    },
    dispose() {
      for (const mean of means.values()) mean.dispose();
      means.clear();
    },
  };
}

const directory = mkdtempSync(join(tmpdir(), "codyra-example-"));
try {
  const tasks = [];
  for (const name of ["animals", "flowers", "vehicles"])
    tasks.push(await drawTask(name, { shots: 8, size: 48 }));
  const accuracy = await experiment.runTasks(
    {
      name: "class-means",
      protocol: "mtil",
      method: classMeans({ weight: 0.5 }),
      model: { model: "miniature" },
      device: "cpu",
      seed: 1,
      directory: join(directory, "run"),
      config: {},
      observer: { finish: (result) => result && console.log(result) },
    },
    tasks,
  );
  const percent = (fraction) => `${(100 * fraction).toFixed(1)} %`;
  const { transfer, last } = records.computeMetrics(accuracy);
  console.log(`Transfer ${percent(transfer.overall)}, Last ${percent(last.overall)}`);
} finally {
  rmSync(directory, { recursive: true });
}
