import { readFileSync } from "node:fs";
import { z } from "zod";
import type { ModelFamily } from "../clip/index.js";
import { checkRegularFile, recognise } from "../files/index.js";
import { decodeText, firstLines } from "../options/index.js";
import type { LowRankUpdates } from "./low-rank-update.js";

export const configFile = "adapter_config.json";

export interface SaveAdapterOptions {
  /** The model that the adapter is for, as `base_model_name_or_path`: what `AutoPeftModel` loads. */
  readonly baseModel?: string;
  /** The family of that model. Default: `clip`. */
  readonly family?: ModelFamily;
}

/** Which class of transformers an adapter is put on. */
const baseClasses: Readonly<Record<ModelFamily, Readonly<Record<string, string>>>> = {
  clip: { base_model_class: "CLIPModel", parent_library: "transformers.models.clip.modeling_clip" },
  siglip: { base_model_class: "SiglipModel", parent_library: "transformers.models.siglip.modeling_siglip" },
};

/** Which family of models an adapter is for; `clip` where it says nothing. */
export function familyOf({ auto_mapping: mapping }: AdapterConfig): ModelFamily {
  const isSiglip = mapping?.base_model_class === baseClasses.siglip.base_model_class;
  return isSiglip ? "siglip" : "clip";
}

/** Rank and scale of a matrix as PEFT finds them: the first pattern that its path ends with counts. */
export function scaleOf(name: string, config: AdapterConfig): { rank: number; scale: number } {
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

const fields = {
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
};

const configSchema = z.looseObject(fields).superRefine((config, context) => {
  // Later versions of PEFT switch on other computations by such fields.
  for (const [key, value] of Object.entries(config)) {
    if (!/^use_/.test(key) || Object.hasOwn(fields, key) || isNothing(value)) continue;
    context.addIssue({ code: "custom", path: [key], message: "expected none: a computation not known here" });
  }
});

export type AdapterConfig = z.infer<typeof configSchema>;

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

/** @throws if the file is missing, damaged, or of an adapter that is more than a sum of products */
export function readConfig(path: string): AdapterConfig {
  checkRegularFile(path, 2 ** 24);
  const content = readFileSync(path);
  let json: unknown;
  try {
    json = JSON.parse(decodeText(content, path));
  } catch (cause) {
    const { what, advice } = recognise(content) ?? {
      what: (cause as Error).message,
      advice: "Export it again.",
    };
    throw new Error(`${path}: expected the configuration of an adapter: ${what}. ${advice}`, { cause });
  }
  const parsed = configSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new Error(
    `${path}: expected a plain LoRA adapter.\n${firstLines(z.prettifyError(parsed.error), 7)}\nMerge it with PEFT, and load the whole model.`,
  );
}

/**
 * The configuration of updates. Ranks and alphas of single matrices stand in the patterns, by the path of the
 * matrix. Field names and meaning: LoraConfig of PEFT.
 */
export function formatConfig(
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
