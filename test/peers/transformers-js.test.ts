import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { pathToFileURL } from "node:url";
import sharp from "sharp";
import { describe, expect, it, onTestFinished } from "vitest";
import { type DualEncoder, decodeImage, loadModel, saveTransformersJs } from "../../lib/clip/index.js";
import { findJavaScriptPeers } from "../../scripts/setup/javascript-peers.mjs";
import { launchChromium, needsChromium } from "../browser.js";
import { hasRealImages, realImages, temporaryFolder } from "../e2e/cli.js";
import { needs } from "../needs.js";

const packages = findJavaScriptPeers();
const needsAll = needs(
  packages !== undefined && hasRealImages,
  "no transformers.js to compare with, or no ../shared/data",
  "`npm run test:peers`; the data are not part of the repository",
);
const template = "a photo of a {}.";

interface Scored {
  readonly label: string;
  readonly score: number;
}
interface TransformersJs {
  readonly env: { allowRemoteModels: boolean; localModelPath: string };
  readonly RawImage: new (
    data: Uint8ClampedArray,
    width: number,
    height: number,
    channels: number,
  ) => unknown;
  pipeline(
    task: "zero-shot-image-classification",
    model: string,
    options: { dtype: string },
  ): Promise<(image: unknown, labels: readonly string[], options: object) => Promise<Scored[]>>;
}

/** Sixty photographs of the ten classes of a domain, and the names of these. */
function photographs(domain: string) {
  const folder = join(realImages, domain, "test");
  const classes = readdirSync(folder);
  const files = classes.flatMap((name) =>
    readdirSync(join(folder, name))
      .slice(0, 6)
      .map((file) => join(folder, name, file)),
  );
  return { labels: classes.map((name) => name.replaceAll("_", " ")), files };
}

async function probabilities(model: DualEncoder, file: string, labels: readonly string[]): Promise<number[]> {
  const image = await model.preprocessing.preprocess(await decodeImage(readFileSync(file)));
  return (model.classify(image.unsqueeze(0), labels, { template }).toArray() as number[][])[0]!;
}

const best = (values: readonly number[]) => values.indexOf(Math.max(...values));

/** An exported model in a folder, and transformers.js that finds it there. */
async function exported() {
  const model = loadModel(join(realImages, "../real-clip"));
  const folder = temporaryFolder();
  saveTransformersJs(model, join(folder, "shop"));
  const path = createRequire(join(packages!, "package.json")).resolve("@huggingface/transformers");
  const transformers: TransformersJs = await import(pathToFileURL(path).href);
  Object.assign(transformers.env, { allowRemoteModels: false, localModelPath: folder });
  return { model, folder, transformers };
}

describe("a folder for transformers.js", needsAll, () => {
  it("classifies sixty photographs offline as the model does", async () => {
    const { model, transformers } = await exported();
    const { labels, files } = photographs("cifar10");
    const side = model.preprocessing.cropSize;
    for (const dtype of ["fp32", "q8"]) {
      const classify = await transformers.pipeline("zero-shot-image-classification", "shop", { dtype });
      const agreement = { plain: 0, resized: 0 };
      const difference = { plain: 0, resized: 0 };
      for (const file of files) {
        const expected = await probabilities(model, file, labels);
        const { data, info } = await sharp(file)
          .resize(side, side, { fit: "cover", kernel: "cubic", fastShrinkOnLoad: false })
          .removeAlpha()
          .raw()
          .toBuffer({ resolveWithObject: true });
        const resized = new transformers.RawImage(new Uint8ClampedArray(data), side, side, info.channels);
        for (const [way, image] of [
          ["plain", file],
          ["resized", resized],
        ] as const) {
          const scored = await classify(image, labels, { hypothesis_template: template });
          const found = labels.map((label) => scored.find((each) => each.label === label)!.score);
          agreement[way] += Number(best(found) === best(expected)) / files.length;
          difference[way] += found.reduce((sum, p, i) => sum + Math.abs(p - expected[i]!), 0) / found.length;
        }
      }
      expect(files).toHaveLength(60);
      expect(agreement.plain, dtype).toBeGreaterThanOrEqual(0.98);
      expect(agreement.resized, dtype).toBeGreaterThanOrEqual(0.98);
      expect(difference.plain / files.length, dtype).toBeLessThan(0.02);
      // sharp rounds to 8 bits after each direction, which Pillow does not quite do the same way.
      expect(difference.resized / files.length, dtype).toBeLessThan(dtype === "q8" ? 2e-3 : 1e-3);
    }
  }, 120_000);
});

describe("a folder for transformers.js in a browser", {
  ...needsAll,
  skip: needsAll.skip || needsChromium.skip,
}, () => {
  it("classifies a photograph with its 8-bit files", async () => {
    const { model, folder } = await exported();
    const { labels, files } = photographs("cifar10");
    const file = files[0]!;
    const home = await serve({
      "/models/": `${folder}/`,
      "/modules/": `${packages}/node_modules/`,
      "/photo": file,
    });
    const browser = await launchChromium();
    onTestFinished(() => browser.close());
    const page = await browser.newPage();
    await page.goto(home);
    const source = `(async () => {
      const { env, pipeline } = await import("/modules/@huggingface/transformers/dist/transformers.min.js");
      Object.assign(env, { allowLocalModels: true, allowRemoteModels: false, localModelPath: "/models/" });
      env.backends.onnx.wasm.wasmPaths = "/modules/onnxruntime-web/dist/";
      env.backends.onnx.wasm.numThreads = 1;
      const classify = await pipeline("zero-shot-image-classification", "shop", { dtype: "q8", device: "wasm" });
      return classify("/photo", ${JSON.stringify(labels)}, { hypothesis_template: ${JSON.stringify(template)} });
    })()`;
    const scored = (await page.evaluate(source)) as Scored[];
    const expected = await probabilities(model, file, labels);
    expect(scored[0]?.label).toBe(labels[best(expected)]);
    expect(Math.abs(scored[0]!.score - Math.max(...expected))).toBeLessThan(0.05);
  }, 120_000);
});

const types: Record<string, string> = {
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** A server of files below some folders, and a page without anything. @returns its address */
function serve(places: Record<string, string>): Promise<string> {
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url!, "http://localhost").pathname);
    const place = Object.keys(places).find((prefix) => path.startsWith(prefix));
    try {
      if (place === undefined) return response.setHeader("content-type", "text/html").end("<!doctype html>");
      const file = places[place]! + path.slice(place.length);
      response.setHeader("content-type", types[extname(file)] ?? "application/octet-stream");
      return response.end(readFileSync(file));
    } catch {
      return response.writeHead(404).end();
    }
  });
  onTestFinished(() => void server.close());
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () =>
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`),
    ),
  );
}
