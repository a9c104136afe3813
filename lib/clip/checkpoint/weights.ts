import { checkRegularFile, firstBytes, recognise } from "../../files/index.js";
import { archive, safetensors, type Tensor } from "../../torch/index.js";
import { checkNoShard, isIndex, shardsOf } from "./shards.js";

export interface Weights {
  /** By the names of the file: nested dictionaries are joined by dots. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Values that were not read, by their path, as the error to throw if one is needed. */
  readonly skipped: ReadonlyMap<string, Error>;
}

/**
 * Reads a safetensors file, a PyTorch archive, or all parts that an index names. The content decides, not the
 * name.
 * @throws if the file is a pickle and these are not allowed, or if it is damaged or one of several parts
 */
export function readWeights(path: string, allowPickle: boolean): Weights {
  if (!isIndex(path)) {
    const weights = readFile(path, allowPickle);
    checkNoShard(path, weights.tensors, (other) => readFile(other, allowPickle).tensors);
    return weights;
  }
  const parts = shardsOf(path).map((shard) => {
    const { tensors, skipped } = readFile(shard.path, allowPickle);
    return { tensors: [...tensors].filter(([name]) => shard.holds(name)), skipped: [...skipped] };
  });
  return {
    tensors: new Map(parts.flatMap(({ tensors }) => tensors)),
    skipped: new Map(parts.flatMap(({ skipped }) => skipped)),
  };
}

function readFile(path: string, allowPickle: boolean): Weights {
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
  return !isIndex(path) && formatOf(path) === "pickle";
}

/** @throws if a file is neither, saying what it is where its first bytes tell */
function formatOf(path: string): "safetensors" | "pickle" {
  checkRegularFile(path);
  const start = firstBytes(path);
  if (start[8] === "{".charCodeAt(0)) return "safetensors"; // after the header's length
  if (start.toString("latin1", 0, 2) === "PK" || start[0] === 0x80) return "pickle"; // zipped, or from before PyTorch 1.6
  const { what, advice } = recognise(start) ?? {
    what: "neither a safetensors file nor a PyTorch archive",
    advice: "Give the weights of a CLIP model, or download them again.",
  };
  throw new Error(`${path}: ${what}: expected weights as safetensors or of PyTorch. ${advice}`);
}
