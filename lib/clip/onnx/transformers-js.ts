import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { jsonText, writeDirectory } from "../../files/index.js";
import { checkOptions } from "../../options/index.js";
import type { ClipModel } from "../clip-model.js";
import { formatConfig } from "../config-json.js";
import type { DualEncoder } from "../dual-encoder.js";
import { onlyClip } from "../only-clip.js";
import { encodeImage, encodeText, normalize } from "./encoders.js";
import { Graph, ready } from "./graph.js";
import type { Bytes } from "./protobuf.js";
import { type OnnxDtype, onnxDtypes, Weights } from "./weights.js";

/** Suffixes of the files' names, as transformers.js has them. */
const suffixes: Readonly<Record<OnnxDtype, string>> = { fp32: "", fp16: "_fp16", q8: "_quantized" };

export interface TransformersJsOptions {
  /**
   * The dtypes to write. transformers.js takes `fp32` in Node and on WebGPU, and `q8` in a browser's
   * WebAssembly. Default: `fp32` and `q8`.
   */
  readonly dtypes?: readonly OnnxDtype[];
  /** Bytes of weights from which they lie in a file of their own. Default: what a file of ONNX can hold. */
  readonly embeddedBytes?: number;
}

/** In transformers.js, 3 is a bicubic filter without antialiasing, and 1 is Lanczos with it. */
const antialiased = 1;

/**
 * Writes a folder that transformers.js 4 loads: `config.json`, tokenizer and preprocessing, and models under
 * `onnx/`. These are the whole model, the text encoder and the image encoder in every dtype. Inputs are
 * `input_ids`, `attention_mask` and `pixel_values`; the encoders' own files give features that are not
 * normalised. The folder is not one for Python: its images are resized as transformers.js does it best.
 * @throws if the model has no tokenizer, or something beside its weights: an adapter, experts; if there is
 * no dtype, or an unknown one
 */
export function saveTransformersJs(
  given: DualEncoder,
  directory: string,
  options: TransformersJsOptions = {},
): void {
  checkOptions(options, { dtypes: true, embeddedBytes: true }, "saveTransformersJs");
  const { dtypes = ["fp32", "q8"], embeddedBytes } = options;
  const model = onlyClip(given, "saveTransformersJs");
  checkDtypes(dtypes);
  checkIsPlain(model);
  void model.tokenizer; // throws where there is none
  const { assets, preprocessing } = model;
  writeDirectory(directory, (temporary) => {
    mkdirSync(join(temporary, "onnx"));
    const outside: Record<string, number> = {};
    for (const dtype of dtypes) {
      for (const [part, build] of Object.entries(parts)) {
        const file = `${part}${suffixes[dtype]}.onnx`;
        const graph = new Graph(part);
        build(new Weights(graph, model.stateDict(), dtype), model);
        const made = graph.serialize(`${file}_data`, embeddedBytes);
        const path = join(temporary, "onnx", file);
        writeChunks(path, made.model);
        if (made.external === undefined) continue;
        writeChunks(`${path}_data`, each(made.external));
        outside[file] = 1;
      }
    }
    const config = {
      ...formatConfig(model.config),
      ...(Object.keys(outside).length > 0 && {
        "transformers.js_config": { use_external_data_format: outside },
      }),
    };
    const preprocessor = { ...preprocessing.format(), resample: antialiased };
    writeFileSync(join(temporary, "config.json"), jsonText(config));
    writeFileSync(join(temporary, "preprocessor_config.json"), jsonText(preprocessor));
    for (const [name, content] of assets?.files ?? [])
      if (!name.endsWith("processor_config.json")) writeFileSync(join(temporary, name), content);
  });
}

const parts: Readonly<Record<string, (weights: Weights, model: ClipModel) => void>> = {
  model: wholeModel,
  text_model: textModel,
  vision_model: visionModel,
};

function wholeModel(weights: Weights, { config, logitScale }: ClipModel): void {
  const { graph } = weights;
  const texts = normalize(graph, encodeText(weights, config.text, textInputs(graph)));
  const images = normalize(graph, encodeImage(weights, config.vision, imageInput(graph, config.vision)));
  const scale = new Float32Array([Math.exp(logitScale.item())]);
  const factor = graph.weight("scale", "float32", [], ready(new Uint8Array(scale.buffer)));
  const similarity = graph.node("MatMul", [images, graph.node("Transpose", [texts], { perm: [1, 0] })]);
  const logits = graph.node("Mul", [similarity, factor]);
  graph.output("logits_per_image", logits, "float32", ["image_batch_size", "text_batch_size"]);
  const transposed = graph.node("Transpose", [logits], { perm: [1, 0] });
  graph.output("logits_per_text", transposed, "float32", ["text_batch_size", "image_batch_size"]);
  graph.output("text_embeds", texts, "float32", ["text_batch_size", config.embedDim]);
  graph.output("image_embeds", images, "float32", ["image_batch_size", config.embedDim]);
}

function textModel(weights: Weights, { config }: ClipModel): void {
  const { graph } = weights;
  const features = encodeText(weights, config.text, textInputs(graph));
  graph.output("text_embeds", features, "float32", ["text_batch_size", config.embedDim]);
}

function visionModel(weights: Weights, { config }: ClipModel): void {
  const { graph } = weights;
  const features = encodeImage(weights, config.vision, imageInput(graph, config.vision));
  graph.output("image_embeds", features, "float32", ["image_batch_size", config.embedDim]);
}

/**
 * Attention is causal and reads up to the end of each text, so that padding changes nothing: the mask is not
 * used.
 */
function textInputs(graph: Graph): string {
  const shape = ["text_batch_size", "sequence_length"];
  const ids = graph.input("input_ids", "int64", shape);
  graph.input("attention_mask", "int64", shape);
  return ids;
}

function imageInput(graph: Graph, { imageSize }: ClipModel["config"]["vision"]): string {
  return graph.input("pixel_values", "float32", ["image_batch_size", 3, imageSize, imageSize]);
}

function checkDtypes(dtypes: readonly string[]): void {
  const known: readonly string[] = onnxDtypes;
  if (dtypes.length > 0 && dtypes.every((dtype) => known.includes(dtype))) return;
  throw new RangeError(
    `saveTransformersJs: expected dtypes out of ${known.join(", ")}, got ${dtypes.join(", ") || "none"}. Correct them.`,
  );
}

function checkIsPlain(model: ClipModel): void {
  const adapted = model.adaptableLayers().find(({ linear }) => linear.adapter !== undefined)?.name;
  const block = [model.text, model.vision]
    .flatMap(({ encoder }) => encoder.blocks)
    .find(({ adapter }) => adapter !== undefined);
  if (adapted === undefined && block === undefined) return;
  throw new Error(
    `saveTransformersJs: expected plain layers, but ${adapted ?? "a block"} has an adapter. Merge or remove the adapters first.`,
  );
}

function writeChunks(path: string, chunks: Iterable<Uint8Array>): void {
  const file = openSync(path, "w");
  try {
    for (const chunk of chunks) for (let at = 0; at < chunk.length; ) at += writeSync(file, chunk, at);
  } finally {
    closeSync(file);
  }
}

function* each(parts: readonly Bytes[]): Generator<Uint8Array> {
  for (const part of parts) yield part.make();
}
