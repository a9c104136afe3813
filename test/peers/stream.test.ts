import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { decodeImage, loadModel } from "../../lib/clip/index.js";
import { nn } from "../../lib/torch/index.js";
import { codyra, hasRealImages, realImages, temporaryFolder, writeConfig } from "../e2e/cli.js";
import { needs } from "../needs.js";
import { peerPython, runPeer } from "./python.js";

const vocabulary = resolve(realImages, "../clip/bpe_simple_vocab_16e6.txt.gz");
const hasAll = peerPython !== undefined && hasRealImages && existsSync(vocabulary);

/** Five domains of real images, four as folders and one as a manifest. */
function domains(folder: string) {
  const manifest = join(folder, "mnist.csv");
  const rows = ["train", "test"].flatMap((part) =>
    ["zero", "one", "two"].flatMap((label) =>
      readdirSync(join(realImages, "mnist", part, label)).map(
        (file) => `${part}/${label}/${file},${label},${part}`,
      ),
    ),
  );
  writeFileSync(manifest, ["image,label,split", ...rows].join("\n"));
  return [
    { name: "flowers", root: join(realImages, "flowers"), template: "a photo of a {}, a type of flower." },
    { name: "satellite", root: join(realImages, "satellite"), template: "a centered satellite photo of {}." },
    { name: "mnist", manifest, images: join(realImages, "mnist"), template: 'a photo of the number: "{}".' },
    { name: "dtd", root: join(realImages, "dtd"), template: "{} texture." },
    { name: "food101", root: join(realImages, "food101"), classes: ["baklava", "bibimbap"] },
  ];
}

const needsAll = needs(
  hasAll,
  "no Python packages to compare with, or no ../shared/data",
  "`npm run test:peers`; the data are not part of the repository",
);

describe("codyra run from a model that transformers wrote", needsAll, () => {
  it.each(["x-tail", "mtil"])(
    "learns five domains of real images under %s, back into transformers",
    async (protocol) => {
      const folder = temporaryFolder();
      const base = join(folder, "base");
      await runPeer("stream.py", "base", base);
      const datasets = domains(folder);
      const config = writeConfig(folder, {
        protocol,
        model: "base",
        tokenizer: vocabulary,
        shots: 4,
        options: { iterations: 4, batchSize: 16, rank: 4, learningRate: 0.001 },
        datasets,
      });
      const run = join(folder, "run");
      const { code, stdout, stderr } = await codyra("run", "--config", config, "--output", run, "--json");
      expect(code, stderr).toBe(0);
      const { matrix, metrics } = JSON.parse(stdout);
      expect(matrix).toHaveLength(5);
      for (const row of matrix) expect(row.every((value: number) => value >= 0 && value <= 1)).toBe(true);
      expect(metrics.last.columns).toEqual(matrix[4]);
      const record = JSON.parse(readFileSync(join(run, "run.json"), "utf8"));
      expect(record.datasets.map(({ name }: { name: string }) => name)).toEqual(
        datasets.map(({ name }) => name),
      );

      const exported = join(folder, "exported");
      const exporting = await codyra("export", "--run", run, "--to", exported);
      expect(exporting.code, exporting.stderr).toBe(0);
      const image = join(realImages, "flowers/test/daisy/000.jpg");
      const [expected] = (await runPeer("stream.py", "features", exported, image)) as number[][];
      const model = loadModel(exported);
      const pixels = model.preprocessing.normalise(
        (await model.preprocessing.preprocess(await decodeImage(image))).unsqueeze(0),
      );
      const [ours] = nn.functional.normalize(model.encodeImage(pixels)).toArray() as number[][];
      const cosine = ours!.reduce((sum, value, i) => sum + value * expected![i]!, 0);
      expect(1 - cosine).toBeLessThan(1e-3); // resized pixels differ by up to one of 255 levels
    },
  );
});
