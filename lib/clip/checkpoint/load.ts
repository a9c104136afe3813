import { checkOptions } from "../../options/index.js";
import { MagnitudeCheck, scope } from "../../torch/index.js";
import { assetsWith, checkAssets } from "../assets.js";
import type { DualEncoder } from "../dual-encoder.js";
import { newModel } from "../families.js";
import { findTokenizer } from "../find-tokenizer.js";
import type { StateDict } from "./keys.js";
import { type LoadOptions, loadOptionKeys } from "./load-options.js";
import { isBuffer, loadStateDict } from "./parameters.js";
import { directoryOf, readCheckpoint } from "./read-checkpoint.js";
import { checkFinite, largestWeight } from "./sizes.js";

/**
 * Loads a CLIP model with vision and text transformers, or a SigLIP model for images of one size, which is a
 * Hugging Face directory. A CLIP is
 * - a Hugging Face directory, its weights in one file or in parts, as safetensors or `pytorch_model.bin`;
 * - an open_clip directory, or its safetensors file;
 * - a file in the names of OpenAI or of Hugging Face: OpenAI's `.pt` archives, state dicts, checkpoints of
 *   training programs. The parameters are found in any dictionary and under any prefix.
 *
 * Tokenizer and preprocessing come from the same directory; a model without a tokenizer still encodes images.
 * @throws if a file is missing, damaged or a pickle that is not allowed; if files contradict each other; if
 *   parameters do not fit, naming them
 */
export function loadModel(path: string, options: LoadOptions = {}): DualEncoder {
  checkOptions(options, loadOptionKeys, "loadModel");
  const { device = "cpu", dtype = "float32", precision = "fp32" } = options;
  // libtorch may still be loading on another thread, and the tokenizer does without it.
  const tokenizer = attempt(() => findTokenizer(options.tokenizer ?? directoryOf(path)));
  return scope(() => {
    const { config, preprocessing, isOpenClip, tensors, source, directory, notes } = readCheckpoint(
      path,
      options,
    );
    const check = options.allowNonFinite === true ? undefined : beginCheck(tensors);
    const { contextLength, vocabSize } = config.text;
    const assets = assetsWith(tokenizer(), directory, {
      family: config.family ?? "clip",
      contextLength,
      vocabSize,
      preprocessing,
      ownPreprocessing: isOpenClip,
      repairsText: isOpenClip,
      tokenizer: options.tokenizer,
      truncate: options.truncate,
      decoding: {
        orient: options.orient,
        transparency: options.transparency,
        limitInputPixels: options.limitInputPixels,
        decodeTimeoutSeconds: options.decodeTimeoutSeconds,
      },
    });
    checkAssets(assets, config, directory);
    const model = newModel(config, assets, { device, dtype });
    model.precision = precision;
    model.notes = [...notes, ...notesAboutCase(model)];
    try {
      const expected = model.stateDict();
      loadStateDict(model, tensors, source, { shared: options.shareFile === true });
      if (check?.firstBeyond() !== undefined) {
        checkFinite(new Map([...tensors].filter(([key]) => expected.has(key))), source);
      }
    } catch (error) {
      model.dispose();
      throw error;
    }
    for (const note of model.notes) (options.onNote ?? printNote)(`${source}: ${note}`);
    return model;
  });
}

/**
 * Begins to read all weights for numbers that cannot be computed with, while the model is made. Buffers
 * beside the parameters, such as the mask, are infinite by design.
 */
function beginCheck(tensors: StateDict): MagnitudeCheck {
  const weights = [...tensors].filter(([key]) => !isBuffer(key)).map(([, tensor]) => tensor);
  return new MagnitudeCheck(weights, largestWeight);
}

/** Does the work now. @returns a function with its result, or its error */
function attempt<T>(work: () => T): () => T {
  try {
    const result = work();
    return () => result;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

function printNote(note: string): void {
  process.stderr.write(`codyra: ${note}\n`);
}

/** SigLIPs were trained on small letters alone, which not every tokenizer of theirs makes. */
function notesAboutCase({ config, assets }: DualEncoder): string[] {
  const tokenizer = assets?.tokenizer;
  if (config.family !== "siglip" || tokenizer === undefined) return [];
  const lowers = scope(() => tokenizer.encode(["A"]).equal(tokenizer.encode(["a"])));
  return lowers
    ? []
    : [
        "reads capital letters as they are, as transformers does with this tokenizer; the model was trained on small ones: write labels in them",
      ];
}
