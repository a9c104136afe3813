import { closeSync, existsSync, openSync, readFileSync, readSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { archive, safetensors, type Tensor } from "../../torch/index.js";

// What transformers writes, then what open_clip writes; safetensors first, because reading them runs nothing anywhere.
const fileNames = [
  "model.safetensors",
  "model.safetensors.index.json",
  "open_clip_model.safetensors",
  "pytorch_model.bin",
  "pytorch_model.bin.index.json",
  "open_clip_pytorch_model.bin",
];

export interface Weights {
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Whether this is a bare state dict or script module in a pickle, as OpenAI publishes, rather than a training checkpoint. */
  readonly isPlainPickle: boolean;
}

/** The weights of a directory. @throws if there are none, naming the files looked for */
export function findWeights(directory: string): string {
  const name = fileNames.find((candidate) => existsSync(join(directory, candidate)));
  if (name !== undefined) return join(directory, name);
  throw new Error(
    `${directory}: no weights of a CLIP model: expected one of ${fileNames.join(", ")}. Check the path, or download the model.`,
  );
}

/**
 * Reads a safetensors file, a PyTorch archive, or all parts that an index names. The content decides, not the name.
 * @throws if the file is a pickle and these are not allowed, or if it is damaged
 */
export function readWeights(path: string, allowPickle: boolean): Weights {
  if (path.endsWith(".index.json")) {
    const parts = shardsOf(path).map((shard) => readWeights(shard, allowPickle));
    const tensors = new Map(parts.flatMap((part) => [...part.tensors]));
    return { tensors, isPlainPickle: parts.every((part) => part.isPlainPickle) };
  }
  if (formatOf(path) === "safetensors")
    return { tensors: safetensors.load(path).tensors, isPlainPickle: false };
  if (!allowPickle) {
    throw new Error(
      `${path}: a pickle, which can run code in other programs: expected safetensors, unless pickles are allowed. ` +
        "Allow them (`allowPickle`, `--allow-pickle`) to read its tensors and nothing else, or convert the file.",
    );
  }
  return unwrap(archive.load(path));
}

function formatOf(path: string): "safetensors" | "pickle" {
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
    json = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new Error(`${path}: not valid JSON: ${(cause as Error).message}. Download it again.`, { cause });
  }
  const parsed = indexSchema.safeParse(json);
  if (!parsed.success) {
    throw new Error(
      `${path}: not an index of weights.\n${z.prettifyError(parsed.error)}\nDownload it again.`,
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

/** Takes the parameters out of what training programs put around them. */
function unwrap(tensors: ReadonlyMap<string, Tensor>): Weights {
  const entries = [...tensors];
  const checkpoint = entries.filter(([key]) => key.startsWith("state_dict."));
  const isPlain = checkpoint.length === 0;
  const state = isPlain
    ? entries
    : checkpoint.map(([key, tensor]) => [key.slice("state_dict.".length), tensor] as const);
  const isParallel = state.every(([key]) => key.startsWith("module."));
  const stripped = state.map(([key, tensor]) => [key.replace(/^module\./, ""), tensor] as const);
  return { tensors: new Map(isParallel ? stripped : state), isPlainPickle: isPlain && !isParallel };
}
