import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ModelFamily } from "../clip/index.js";
import { jsonText, writeDirectory } from "../files/index.js";
import { checkOptions, type OptionKeys } from "../options/index.js";
import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";
import type { LowRankUpdate, LowRankUpdates } from "./low-rank-update.js";
import {
  configFile,
  familyOf,
  formatConfig,
  readConfig,
  type SaveAdapterOptions,
  scaleOf,
} from "./peft-config.js";

const weightsFile = "adapter_model.safetensors";
const pickleFile = "adapter_model.bin";

const saveAdapterKeys: OptionKeys<SaveAdapterOptions> = { baseModel: true, family: true };

/**
 * Writes low-rank updates in PEFT's layout, `adapter_config.json` and `adapter_model.safetensors`: PEFT loads
 * them onto the `CLIPModel` or `SiglipModel` of transformers. Each matrix has a rank of its own, and the
 * scale `lora_alpha / r` is 1 everywhere.
 * @throws if the files cannot be written; then nothing is left behind
 */
export function saveAdapter(
  updates: LowRankUpdates,
  directory: string,
  options: SaveAdapterOptions = {},
): void {
  checkOptions(options, saveAdapterKeys, "saveAdapter");
  const config = jsonText(formatConfig(updates, options));
  const tensors = Array.from(updates).flatMap(([name, { loraA, loraB }]) => [
    [keyOf(name, "A"), loraA] as const,
    [keyOf(name, "B"), loraB] as const,
  ]);
  writeDirectory(directory, (temporary) => {
    torch.safetensors.save(join(temporary, weightsFile), tensors, { format: "pt" }, { checksum: true });
    writeFileSync(join(temporary, configFile), config);
  });
}

/** Which family of models an adapter says it is for; `clip` where it says nothing. */
export function adapterFamily(directory: string): ModelFamily {
  return familyOf(readConfig(join(directory, configFile)));
}

/** How to read an adapter. */
export interface LoadAdapterOptions {
  /** Read `adapter_model.bin`, a pickle of which only tensors are read. Default: false. */
  readonly allowPickle?: boolean;
}

const loadAdapterKeys: OptionKeys<LoadAdapterOptions> = { allowPickle: true };

/**
 * Reads a LoRA adapter in PEFT's layout: of linear layers, of the token embedding and of the patch embedding.
 * PEFT's scale of each matrix becomes part of B: `lora_alpha / r`, or `lora_alpha / √r` for rsLoRA, by the
 * patterns.
 * @returns views of the memory-mapped file, on the CPU; copies of what has a scale
 * @throws if a file is missing or damaged, or naming what in the adapter is more than a product of two
 * factors to be added
 */
export function loadAdapter(directory: string, options: LoadAdapterOptions = {}): LowRankUpdates {
  checkOptions(options, loadAdapterKeys, "loadAdapter");
  const config = readConfig(join(directory, configFile));
  const path = weightsOf(directory, options);
  return torch.scope(() => {
    const tensors = path.endsWith(".bin") ? torch.archive.load(path) : torch.safetensors.load(path).tensors;
    const factors = new Map<string, Factors>();
    checkNumbers(tensors, path);
    for (const [key, tensor] of tensors) {
      const [, name, embedding, factor] = factorPattern.exec(key) ?? fail(path, `'${key}'${whatItIs(key)}`);
      const found = factors.get(name!) ?? {};
      found[factor as "A" | "B"] = embedding === undefined ? tensor : tensor.t();
      found.isEmbedding = embedding !== undefined;
      factors.set(name!, found);
    }
    const updates = Array.from(factors, ([name, found]): [string, LowRankUpdate] => {
      const [loraA, loraB] = productOf(found);
      if (loraA === undefined || loraB === undefined || !isProduct(loraB, loraA)) {
        return fail(path, `${name} with B ${describe(loraB)} and A ${describe(loraA)}`);
      }
      const { scale, rank } = scaleOf(name, config);
      if (rank !== loraA.size(0))
        fail(path, `${name} of rank ${loraA.size(0)}, for which ${configFile} says ${rank}`);
      // PEFT computes in float32 what was saved in 16 bits.
      const exact = loraB.dtype === "float64" ? "float64" : "float32";
      return [name, { loraA, loraB: scale === 1 ? loraB : loraB.to({ dtype: exact }).mul(scale) }];
    });
    return new Map(updates);
  });
}

interface Factors {
  A?: Tensor;
  B?: Tensor;
  isEmbedding?: boolean;
}

// Trainers that save a state dict themselves leave the adapter's name in it.
const factorPattern = /^base_model\.model\.(.+)\.lora_(embedding_)?([AB])(?:\.default)?(?:\.weight)?$/;

/**
 * A and B as matrices. An embedding looks up rows of A and multiplies B with them, `ΔW = (B A)ᵀ`; a
 * convolution's A has the kernel in its last dimensions.
 */
function productOf({ A, B, isEmbedding }: Factors): [loraA: Tensor | undefined, loraB: Tensor | undefined] {
  if (isEmbedding === true) return [B, A];
  const isKernel = A?.dim() === 4 && B?.dim() === 4;
  return isKernel ? [A.flatten(1), B.flatten(1)] : [A, B];
}

/** @throws naming a tensor that is no floats, or holds some that make every result NaN */
function checkNumbers(tensors: ReadonlyMap<string, Tensor>, path: string): void {
  for (const [key, tensor] of tensors) {
    if (!["float64", "float32", "float16", "bfloat16"].includes(tensor.dtype)) {
      throw new Error(
        `${path}: '${key}' is ${tensor.dtype}: expected floats. Save the adapter without quantisation.`,
      );
    }
    if (torch.scope(() => torch.isfinite(tensor).all().item())) continue;
    throw new Error(
      `${path}: '${key}' holds numbers that are NaN or infinite: expected factors to compute with. Download or train it again.`,
    );
  }
}

/** Names a tensor that is no factor. */
function whatItIs(key: string): string {
  const kinds: [pattern: RegExp, what: string][] = [
    [/lora_magnitude_vector/, "the magnitudes of DoRA, which depend on the weights"],
    [/lora_B(\.default)?\.bias$/, "a bias of the adapter (lora_bias)"],
    [/\.bias$/, "a bias that was trained (bias)"],
    [/trainable_tokens/, "tokens that were trained (trainable_token_indices)"],
    [/(^|\.)(weight|[a-z_]*embedding)$/, "a whole parameter (modules_to_save)"],
  ];
  const kind = kinds.find(([pattern]) => pattern.test(key));
  return kind === undefined ? "" : `, ${kind[1]}`;
}

/** @throws if there are no weights, or only a pickle that is not allowed */
function weightsOf(directory: string, { allowPickle = false }: LoadAdapterOptions): string {
  const [safe, pickle] = [join(directory, weightsFile), join(directory, pickleFile)];
  if (existsSync(safe)) return safe;
  if (!existsSync(pickle)) {
    throw new Error(
      `${safe} is missing: expected it, or ${pickleFile}. Check the path, or save the adapter again.`,
    );
  }
  if (allowPickle) return pickle;
  throw new Error(
    `${pickle}: a pickle, which can run code in other programs: expected ${weightsFile}, unless pickles are allowed. ` +
      "Allow them (`allowPickle`) to read its tensors and nothing else, or save the adapter with safetensors.",
  );
}

function keyOf(name: string, factor: "A" | "B"): string {
  return `base_model.model.${name}.lora_${factor}.weight`;
}

function isProduct(left: Tensor, right: Tensor): boolean {
  return left.shape.length === 2 && right.shape.length === 2 && left.size(1) === right.size(0);
}

function describe(tensor: Tensor | undefined): string {
  return tensor === undefined ? "missing" : `[${tensor.shape.join(", ")}]`;
}

function fail(path: string, found: string): never {
  throw new Error(
    `${path}: expected pairs of A [r, inFeatures] and B [outFeatures, r], got ${found}. Merge the adapter with PEFT, and load the whole model.`,
  );
}
