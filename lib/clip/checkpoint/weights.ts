import { closeSync, existsSync, openSync, readdirSync, readSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { checkRegularFile } from "../../files/index.js";
import { decodeText, firstLines } from "../../options/index.js";
import { archive, safetensors, type Tensor } from "../../torch/index.js";
import { readSmallFile } from "../files.js";

// Files of each library, safetensors first, because reading them runs nothing anywhere.
const huggingFaceNames = [
  "model.safetensors",
  "model.safetensors.index.json",
  "pytorch_model.bin",
  "pytorch_model.bin.index.json",
];
const openClipNames = ["open_clip_model.safetensors", "open_clip_pytorch_model.bin"];
const weightsExtension = /\.(safetensors|bin|pt|pth|ckpt)$/;

export interface Weights {
  /** By the names of the file: nested dictionaries are joined by dots. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Values that were not read, by their path, as the error to throw if one is needed. */
  readonly skipped: ReadonlyMap<string, Error>;
}

/**
 * The weights of a directory: Hugging Face's, or open_clip's where it has the configuration of these alone;
 * otherwise the only file that can be weights.
 * @throws if there are none, naming the files looked for
 */
export function findWeights(directory: string): string {
  const isOpenClip = existsSync(join(directory, "open_clip_config.json")) && !isHuggingFace(directory);
  const names = isOpenClip
    ? [...openClipNames, ...huggingFaceNames]
    : [...huggingFaceNames.slice(0, 2), openClipNames[0]!, ...huggingFaceNames.slice(2), openClipNames[1]!];
  const name = names.find((candidate) => existsSync(join(directory, candidate)));
  if (name !== undefined) return join(directory, name);
  if (existsSync(join(directory, "adapter_config.json"))) throw isAdapter(directory);
  const others = readdirSync(directory).filter((file) => weightsExtension.test(file));
  if (others.length === 1) return join(directory, others[0]!);
  throw new Error(
    `${directory}: no weights of a CLIP model: expected one of ${names.join(", ")}${others.length > 1 ? `, found ${others.join(", ")}` : ""}. ` +
      "Give the path of a file, check the path, or download the model.",
  );
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

/**
 * Reads a safetensors file, a PyTorch archive, or all parts that an index names. The content decides, not the
 * name.
 * @throws if the file is a pickle and these are not allowed, or if it is damaged
 */
export function readWeights(path: string, allowPickle: boolean): Weights {
  if (path.endsWith(".index.json")) {
    const parts = shardsOf(path).map((shard) => readWeights(shard, allowPickle));
    return {
      tensors: new Map(parts.flatMap((part) => [...part.tensors])),
      skipped: new Map(parts.flatMap((part) => [...part.skipped])),
    };
  }
  const skipped = new Map<string, Error>();
  if (formatOf(path) === "safetensors") {
    const onSkip = (name: string, reason: string): void => {
      skipped.set(name, new Error(`${path}: tensor '${name}' ${reason}. Convert it with another program.`));
    };
    return { tensors: safetensors.load(path, { onSkip }).tensors, skipped };
  }
  if (!allowPickle) {
    throw new Error(
      `${path}: a pickle, which can run code in other programs: expected safetensors, unless pickles are allowed. ` +
        "Allow them (`allowPickle`, `--allow-pickle`) to read its tensors and nothing else, or convert the file.",
    );
  }
  const onSkip = (name: string, reason: string): void => {
    skipped.set(name, archive.notPlain(path, reason));
  };
  return { tensors: archive.load(path, { onSkip }), skipped };
}

/** Whether a file is a PyTorch archive. */
export function isArchive(path: string): boolean {
  return !path.endsWith(".index.json") && formatOf(path) === "pickle";
}

function formatOf(path: string): "safetensors" | "pickle" {
  checkRegularFile(path);
  const start = Buffer.alloc(9);
  const file = openSync(path, "r");
  try {
    readSync(file, start, 0, start.length, 0);
  } finally {
    closeSync(file);
  }
  if (start[8] === "{".charCodeAt(0)) return "safetensors"; // after the header's length
  if (start.toString("latin1", 0, 2) === "PK" || start[0] === 0x80) return "pickle"; // zipped, or from before PyTorch 1.6
  throw new Error(
    `${path}: neither a safetensors file nor a PyTorch archive. Give the weights of a CLIP model, or download them again.`,
  );
}

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) });

function shardsOf(path: string): string[] {
  let json: unknown;
  try {
    json = JSON.parse(decodeText(readSmallFile(path), path));
  } catch (cause) {
    throw new Error(`${path}: not valid JSON: ${(cause as Error).message}. Download it again.`, { cause });
  }
  const parsed = indexSchema.safeParse(json);
  if (!parsed.success) {
    throw new Error(
      `${path}: not an index of weights.\n${firstLines(z.prettifyError(parsed.error), 7)}\nDownload it again.`,
    );
  }
  return Array.from(new Set(Object.values(parsed.data.weight_map)), (name) => {
    const shard = join(dirname(path), name);
    if (name !== basename(name) || name.endsWith(".index.json")) {
      throw new Error(`${path}: names '${name}': expected weights in its own folder. Download it again.`);
    }
    if (!existsSync(shard)) throw new Error(`${shard} is missing, which ${path} names. Download it too.`);
    return shard;
  });
}
