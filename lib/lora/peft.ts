import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { ModelFamily } from "../clip/index.js";
import { checkRegularFile, writeDirectory } from "../files/index.js";
import { checkOptions, firstLines, type OptionKeys } from "../options/index.js";
import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";
import type { LowRankUpdate, LowRankUpdates } from "./low-rank-update.js";

const configFile = "adapter_config.json";
const weightsFile = "adapter_model.safetensors";
const pickleFile = "adapter_model.bin";

export interface SaveAdapterOptions {
  /** The model that the adapter is for, as `base_model_name_or_path`: what `AutoPeftModel` loads. */
  readonly baseModel?: string;
  /** Of that model. Default: `clip`. */
  readonly family?: ModelFamily;
}

const saveAdapterKeys: OptionKeys<SaveAdapterOptions> = { baseModel: true, family: true };

/** Which class of transformers an adapter is put on. */
const baseClasses: Readonly<Record<ModelFamily, Readonly<Record<string, string>>>> = {
  clip: { base_model_class: "CLIPModel", parent_library: "transformers.models.clip.modeling_clip" },
  siglip: { base_model_class: "SiglipModel", parent_library: "transformers.models.siglip.modeling_siglip" },
};

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
  const config = `${JSON.stringify(formatConfig(updates, options), null, 2)}\n`;
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
  const { auto_mapping: mapping } = readConfig(join(directory, configFile));
  const isSiglip = mapping?.base_model_class === baseClasses.siglip.base_model_class;
  return isSiglip ? "siglip" : "clip";
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

/** Rank and scale of a matrix as PEFT finds them: the first pattern that its path ends with counts. */
function scaleOf(name: string, config: AdapterConfig): { rank: number; scale: number } {
  const rank = matching(config.rank_pattern, name) ?? config.r;
  const alpha = matching(config.alpha_pattern, name) ?? config.lora_alpha;
  return { rank, scale: alpha / (config.use_rslora ? Math.sqrt(rank) : rank) };
}

/** PEFT's `get_pattern_key`: `re.match(rf"(.*\.)?({key})$", name)`. */
function matching(patterns: Readonly<Record<string, number>>, name: string): number | undefined {
  const found = Object.entries(patterns).find(([pattern]) => toRegExp(pattern).test(name));
  return found?.[1];
}

function toRegExp(pattern: string): RegExp {
  const source = pattern.replaceAll("(?P<", "(?<").replaceAll("\\Z", "$").replaceAll("\\A", "^"); // as Python writes them
  try {
    return new RegExp(`^(.*\\.)?(${source})$`);
  } catch (cause) {
    throw new Error(`${configFile}: the pattern '${pattern}' cannot be read here. Write it in another way.`, {
      cause,
    });
  }
}

/**
 * Initialisations that take the product out of the base weights, so that it cannot be added to the base
 * model.
 */
const changesBase = /^(pissa|olora|corda|loftq|lora_ga)/i;

const no = z.literal(false).nullish();
const none = (what: string) =>
  z
    .unknown()
    .refine((value) => isNothing(value), `expected none: ${what} cannot be added to the weights`)
    .optional();

const configSchema = z.object({
  peft_type: z.literal("LORA"),
  auto_mapping: z.object({ base_model_class: z.string().nullish() }).nullish(),
  r: z.int().nonnegative().default(8),
  lora_alpha: z.number().default(8),
  rank_pattern: patterns(z.int().positive()),
  alpha_pattern: patterns(z.number()),
  use_rslora: z.boolean().nullish(),
  use_dora: no,
  use_qalora: no,
  lora_bias: no,
  bias: z.literal("none", 'expected "none": biases that were trained are not read').default("none"),
  init_lora_weights: z
    .unknown()
    .refine(
      (value) => typeof value !== "string" || !changesBase.test(value),
      "took the factors out of the base weights: convert the adapter with path_initial_model_for_weight_conversion of save_pretrained",
    )
    .optional(),
  modules_to_save: none("whole modules that were trained"),
  trainable_token_indices: none("single tokens that were trained"),
  target_parameters: none("adapters of parameters without a module"),
  layer_replication: none("layers used several times"),
  alora_invocation_tokens: none("an adapter that only some tokens switch on"),
  use_bdlora: none("block-diagonal factors"),
  arrow_config: none("a choice among adapters"),
  kasa_config: none("a singular value for each rank"),
  monteclora_config: none("sampled factors"),
});

type AdapterConfig = z.infer<typeof configSchema>;

function patterns(value: z.ZodType<number>) {
  return z
    .record(z.string(), value)
    .nullish()
    .transform((given) => given ?? {});
}

function isNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === false) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

function readConfig(path: string): AdapterConfig {
  let json: unknown;
  try {
    if (existsSync(path)) checkRegularFile(path, 2 ** 24);
    json = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new Error(
      `${path}: expected the configuration of an adapter: ${(cause as Error).message}. Export it again.`,
      { cause },
    );
  }
  const parsed = configSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new Error(
    `${path}: expected a plain LoRA adapter.\n${firstLines(z.prettifyError(parsed.error), 7)}\nMerge it with PEFT, and load the whole model.`,
  );
}

// Field names and meaning: LoraConfig of PEFT. Ranks and alphas of single matrices stand in the patterns, by
// the path of the matrix.
function formatConfig(
  updates: LowRankUpdates,
  { baseModel, family = "clip" }: SaveAdapterOptions,
): Record<string, unknown> {
  const ranks = Array.from(updates, ([name, { loraA }]) => [name, loraA.size(0)] as const);
  const highest = Math.max(0, ...ranks.map(([, rank]) => rank));
  const lower = Object.fromEntries(ranks.filter(([, rank]) => rank !== highest));
  return {
    peft_type: "LORA",
    task_type: null,
    auto_mapping: baseClasses[family],
    base_model_name_or_path: baseModel ?? null,
    revision: null,
    inference_mode: true,
    r: highest,
    lora_alpha: highest,
    rank_pattern: lower,
    alpha_pattern: lower,
    target_modules: ranks.map(([name]) => name),
    lora_dropout: 0,
    bias: "none",
    fan_in_fan_out: false,
    init_lora_weights: true,
    modules_to_save: null,
    use_dora: false,
    use_rslora: false,
  };
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
