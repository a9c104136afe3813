import { existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { DType, Tensor } from "../../torch/index.js";
import type { ModelConfig } from "../config.js";
import { newModel } from "../families.js";
import type { Preprocessing } from "../preprocessing.js";
import { checkConfigBeside, describeModel, withActivation } from "./describe-model.js";
import { type FoundModel, findModel, noModel, withoutWrappers } from "./find-model.js";
import { findWeights } from "./find-weights.js";
import { checkBothEncoders } from "./half-models.js";
import { fromOpenAi, type StateDict, toOpenAi } from "./keys.js";
import type { LoadOptions } from "./load-options.js";
import { checkTowers, withoutCustomText } from "./openai.js";
import { checkParameters } from "./parameters.js";
import { explainPart } from "./shards.js";
import { checkMemory, checkSizes } from "./sizes.js";
import { readWeights, type Weights } from "./weights.js";

/** A model's parameters and all that its files say of it. */
export interface Checkpoint {
  readonly config: ModelConfig;
  /** Preprocessing if the directory has none. */
  readonly preprocessing: Preprocessing;
  /**
   * Whether open_clip's configuration describes the model. Its preprocessing counts then, and texts are
   * repaired as there.
   */
  readonly isOpenClip: boolean;
  /** Under Hugging Face's names. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Path of the weights. */
  readonly source: string;
  readonly directory: string;
  readonly notes: readonly string[];
}

const bytesOf: Partial<Record<DType, number>> = { float16: 2, bfloat16: 2, float64: 8 };

/** @throws if files are missing, damaged or of no known model, or naming parameters that do not fit */
export function readCheckpoint(path: string, options: LoadOptions): Checkpoint {
  if (!existsSync(path)) {
    throw new Error(
      `${path} is missing: expected a CLIP or SigLIP model. Check the path, or download the model.`,
    );
  }
  const directory = directoryOf(path);
  const source = directory === path ? findWeights(path) : path;
  const weights = readWeights(source, options.allowPickle ?? false);
  try {
    return checkpointOf(weights, source, directory, options);
  } catch (error) {
    throw explainPart(error, source);
  }
}

function checkpointOf(weights: Weights, source: string, directory: string, options: LoadOptions): Checkpoint {
  const found = findModel(weights.tensors, source, options.weights);
  if (found === undefined) throw whyNoModel(weights, source, directory);
  const notes = [...found.notes];
  const named = {
    ...found,
    tensors: found.naming === "openai" ? withoutCustomText(found.tensors) : found.tensors,
  };
  if (found.naming === "openai") checkTowers(named.tensors, source);
  else {
    checkConfigBeside(directory); // the configuration knows better than names that families share
    checkBothEncoders(named.tensors, source);
  }
  const described = describeModel(named, source, directory, options);
  const isClip = described.config.family !== "siglip";
  const tensors = isClip ? scalarLogits(named.tensors, notes) : named.tensors;
  const said = described.activationFrom ?? source;
  checkSizes(described.config, named.tensors, said.endsWith(".json") ? said : source, source);
  const empty = newModel(described.config, undefined, { device: "meta" });
  try {
    // Under the names of the file, so that these are the ones in the message.
    const expected = found.naming === "openai" ? toOpenAi(empty.stateDict()) : empty.stateDict();
    checkNothingNeededWasSkipped(weights, found, expected);
    checkParameters(tensors, expected, source);
    checkMemory(expected, bytesOf[options.dtype ?? "float32"] ?? 4, source);
  } finally {
    empty.dispose();
  }
  notes.push(...notesAboutSkipped(weights));
  if (described.activationFrom === undefined) notes.push(noteAboutShapes(described.config));
  const config = withActivation(described, options.activation, source, notes);
  return {
    ...described,
    config,
    source,
    directory,
    notes,
    tensors: found.naming === "openai" ? fromOpenAi(tensors) : tensors,
  };
}

/** The directory of a model's other files. @param path the directory itself, or the file of the weights */
export function directoryOf(path: string): string {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ? path : dirname(path);
}

/** The error about weights without a model: the configuration beside them may tell more. */
function whyNoModel({ tensors, skipped }: Weights, source: string, directory: string): Error {
  checkConfigBeside(directory);
  const [unread] = skipped.values();
  if (tensors.size === 0 && unread !== undefined) return unread;
  const error = noModel(tensors, source);
  // It may lie in what was not read, such as a whole module.
  const names = [...skipped.keys()].slice(0, 3).map((name) => `'${name}'`);
  return unread === undefined
    ? error
    : new Error(`${error.message}\nNot read: ${names.join(", ")}. ${unread.message}`);
}

/**
 * PyTorch and open_clip take a scale of one element for a scalar; a bias of all logits changes no feature and
 * no probability over classes.
 */
function scalarLogits(tensors: StateDict, notes: string[]): StateDict {
  const result = new Map(tensors);
  const scale = tensors.get("logit_scale");
  if (scale !== undefined && scale.dim() > 0 && scale.numel() === 1)
    result.set("logit_scale", scale.reshape([]));
  const bias = tensors.get("logit_bias");
  if (bias?.numel() === 1) {
    result.delete("logit_bias");
    notes.push("left out logit_bias, which changes no feature and no probability over classes");
  }
  return result;
}

/** @throws with the reason why a parameter was not read */
function checkNothingNeededWasSkipped({ skipped }: Weights, found: FoundModel, expected: StateDict): void {
  for (const [path, error] of skipped) {
    const name = withoutWrappers(path);
    const isNeeded = [...expected.keys()].some((key) => {
      const names = [found.prefix + key, `${found.prefix}text.${key}`];
      return (
        !found.tensors.has(key) && names.some((wanted) => wanted === name || wanted.startsWith(`${name}.`))
      );
    });
    if (isNeeded) throw error;
  }
}

/** Two models of the same shapes can differ in all that this names. */
function noteAboutShapes({ vision, text }: ModelConfig): string {
  return (
    `computes as OpenAI's CLIP does where shapes do not tell: with ${vision.heads} heads for images and ${text.heads} for texts. ` +
    "A configuration beside the weights would tell"
  );
}

function notesAboutSkipped({ skipped }: Weights): string[] {
  const names = [...skipped.keys()];
  if (names.length === 0) return [];
  const reasons = new Set(
    Array.from(skipped.values(), ({ message }) => /(?:asks for|holds|has) [^,:]+/.exec(message)?.[0]),
  );
  const some = names
    .slice(0, 3)
    .map((name) => `'${name}'`)
    .join(", ");
  const first = [...reasons].slice(0, 3).join("; ");
  return [
    `skipped what no weight needs: ${some}${names.length > 3 ? ` and ${names.length - 3} more` : ""} (it ${first})`,
  ];
}
