import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type Device, type DType, noGrad, safetensors, scope, type Tensor } from "../torch/index.js";
import { readAssets } from "./assets.js";
import { formatConfig, parseConfig } from "./config-json.js";
import { parseJson, readDirectory } from "./files.js";
import { ClipModel } from "./model.js";

const configFile = "config.json";
const weightsFile = "model.safetensors";

export interface LoadOptions {
  /** Default: `"cpu"`. */
  readonly device?: Device;
  /** Default: `"float32"`. */
  readonly dtype?: DType;
}

/**
 * Loads a Hugging Face CLIP directory: `config.json`, `model.safetensors` and, where present, tokenizer and preprocessing.
 * @throws if a file is missing or damaged, or naming every parameter that does not fit the configuration
 */
export function loadModel(
  directory: string,
  { device = "cpu", dtype = "float32" }: LoadOptions = {},
): ClipModel {
  const config = parseConfig(
    parseJson(readDirectory(directory, [configFile]), configFile, directory),
    join(directory, configFile),
  );
  const weightsPath = join(directory, weightsFile);
  if (!existsSync(weightsPath)) {
    throw new Error(
      `${weightsPath} is missing: expected the model's weights. Download it, or save the model as safetensors.`,
    );
  }
  const assets = readAssets(directory, {
    contextLength: config.text.contextLength,
    imageSize: config.vision.imageSize,
  });
  return scope(() => {
    const { tensors } = safetensors.load(weightsPath);
    const model = new ClipModel(config, assets, { device, dtype });
    try {
      loadStateDict(model, tensors, weightsPath);
    } catch (error) {
      model.dispose();
      throw error;
    }
    return model;
  });
}

/**
 * Copies published parameters into a model.
 * @param source named in the error
 * @throws naming all parameters that are missing, unexpected or of another shape; then nothing was copied
 */
export function loadStateDict(model: ClipModel, tensors: ReadonlyMap<string, Tensor>, source: string): void {
  scope(() => {
    const expected = model.stateDict();
    const problems = [
      ...[...expected.keys()].filter((key) => !tensors.has(key)).map((key) => `missing: ${key}`),
      ...[...tensors.keys()]
        .filter((key) => !expected.has(key) && !isBuffer(key))
        .map((key) => `unexpected: ${key}`),
      ...[...expected].flatMap(([key, { shape }]) => {
        const found = tensors.get(key)?.shape;
        const fits = found === undefined || found.join() === shape.join();
        return fits ? [] : [`wrong shape: ${key} is [${found.join(", ")}], expected [${shape.join(", ")}]`];
      }),
    ];
    if (problems.length > 0) {
      const list = problems.map((problem) => `  ${problem}`).join("\n");
      throw new Error(
        `${source}: ${problems.length} parameters do not fit the model.\n${list}\nUse the config.json of these weights.`,
      );
    }
    noGrad(() => {
      for (const [key, parameter] of expected) parameter.copy_(tensors.get(key)!);
    });
  });
}

/**
 * Writes a Hugging Face directory that `transformers` loads unchanged: configuration, weights, and the model's tokenizer and preprocessing
 * files. They are complete before the first of them appears in `directory`; other files there are left alone.
 * @throws if a layer still has an adapter, which the format cannot hold
 */
export function saveModel(model: ClipModel, directory: string): void {
  const adapted = model.adaptableLayers().find(({ linear }) => linear.adapter !== undefined);
  if (adapted !== undefined) {
    throw new Error(
      `saveModel: expected plain layers, but ${adapted.name} has an adapter. Merge or remove the adapters first.`,
    );
  }
  const target = resolve(directory);
  const temporary = `${target}.${process.pid}.tmp`;
  mkdirSync(dirname(target), { recursive: true });
  try {
    mkdirSync(temporary);
    writeFileSync(join(temporary, configFile), toJson(formatConfig(model.config)));
    for (const [name, content] of assetFiles(model)) writeFileSync(join(temporary, name), content);
    scope(() => safetensors.save(join(temporary, weightsFile), model.stateDict(), { format: "pt" }));
    moveInto(temporary, target);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function assetFiles({ assets }: ClipModel): ReadonlyMap<string, string | Buffer> {
  if (assets === undefined) return new Map();
  return new Map<string, string | Buffer>([
    ["preprocessor_config.json", toJson(assets.preprocessing.format())],
    ...assets.files,
  ]);
}

function moveInto(from: string, to: string): void {
  if (!existsSync(to)) {
    renameSync(from, to);
    return;
  }
  for (const name of readdirSync(from)) renameSync(join(from, name), join(to, name));
}

// Buffers that old versions of transformers saved with the parameters.
function isBuffer(key: string): boolean {
  return key.endsWith(".position_ids");
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
