import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { decodeText, printable } from "../../options/index.js";
import { readSmallFile } from "../files.js";
import { filesInIndex, isIndex } from "./shards.js";

// Files of each library, safetensors first, because reading them runs nothing anywhere.
const huggingFaceNames = [
  "model.safetensors",
  "model.safetensors.index.json",
  "pytorch_model.bin",
  "pytorch_model.bin.index.json",
];
const openClipNames = [
  "open_clip_model.safetensors",
  "open_clip_model.safetensors.index.json",
  "open_clip_pytorch_model.bin",
];
const allNames = [
  ...huggingFaceNames.slice(0, 2),
  ...openClipNames.slice(0, 2),
  ...huggingFaceNames.slice(2),
  ...openClipNames.slice(2),
];
const weightsExtension = /\.(safetensors|bin|pt|pth|ckpt)$/;
/** Weights in formats of other programs, and the parts that FSDP leaves. */
const unreadExtension = /\.(msgpack|h5|onnx|gguf|npz|distcp|mlmodel|tflite|pb|engine)$/;

/**
 * The weights of a directory: Hugging Face's, or open_clip's where it has the configuration of these alone.
 * Without such names, the only index of files here, or the only file that can be weights.
 * @throws if there are none, naming the files looked for and what is there
 */
export function findWeights(directory: string): string {
  const isOpenClip = existsSync(join(directory, "open_clip_config.json")) && !isHuggingFace(directory);
  const names = isOpenClip ? [...openClipNames, ...huggingFaceNames] : allNames;
  const name = names.find((candidate) => existsSync(join(directory, candidate)));
  if (name !== undefined) return join(directory, name);
  if (existsSync(join(directory, "adapter_config.json"))) throw isAdapter(directory);
  const files = readdirSync(directory);
  const others = files.filter((file) => weightsExtension.test(file));
  const indices = files.filter((file) => {
    const named = isIndex(file) ? filesInIndex(join(directory, file)) : new Set();
    return others.length === 0 ? named.size > 0 : others.some((other) => named.has(other));
  });
  const only = indices.length === 1 ? indices : others;
  if (only.length === 1) return join(directory, only[0]!);
  throw new Error(
    `${directory}: no weights of a CLIP model: expected one of ${names.join(", ")}${whatIsThere(directory, files)}. ` +
      "Give the path of a file, check the path, or download the model.",
  );
}

/** Weights that may be meant: several here, such as are not read, or those of folders below. */
function whatIsThere(directory: string, files: readonly string[]): string {
  const some = (names: readonly string[]): string =>
    printable(`${names.slice(0, 5).join(", ")}${names.length > 5 ? ` and ${names.length - 5} more` : ""}`);
  const candidates = files.filter((file) => weightsExtension.test(file) || isIndex(file));
  const unread = files.filter((file) => unreadExtension.test(file));
  const folders = files.filter((file) => holdsWeights(join(directory, file)));
  const found = [
    ...(candidates.length > 0 ? [some(candidates)] : []),
    ...(unread.length > 0 ? [`${some(unread)}, which are not read`] : []),
    ...(folders.length > 0 ? [`some in the folders ${some(folders)}`] : []),
  ];
  return found.length > 0 ? `, found ${found.join("; ")}` : "";
}

function holdsWeights(path: string): boolean {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return false;
  try {
    return readdirSync(path).some((file) => weightsExtension.test(file));
  } catch {
    return false; // a folder that may not be read
  }
}

function isAdapter(directory: string): Error {
  return new Error(
    `${directory}: a PEFT adapter (adapter_config.json): expected a model. If a run of codyra made it, \`codyra export --run RUN --to DIR\` ` +
      "writes the model with the adapter in its weights. Otherwise load the model that it was trained on and put it on with " +
      "`lora.loadAdapter`, or merge them in Python: `merge_and_unload()`, then `save_pretrained`.",
  );
}

/** Whether `config.json` is one of transformers: repositories of timm have another of that name. */
function isHuggingFace(directory: string): boolean {
  const path = join(directory, "config.json");
  if (!existsSync(path)) return false;
  try {
    const config = JSON.parse(decodeText(readSmallFile(path), path));
    return ["model_type", "text_config", "vision_config"].some((key) => Object.hasOwn(config, key));
  } catch {
    return true; // what is wrong with it is said where it is read
  }
}
