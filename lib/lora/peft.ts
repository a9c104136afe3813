import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { writeDirectory } from "../clip/index.js";
import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";
import type { LowRankUpdate, LowRankUpdates } from "./low-rank-update.js";

const configFile = "adapter_config.json";
const weightsFile = "adapter_model.safetensors";

export interface SaveAdapterOptions {
  /** The model that the adapter is for, as `base_model_name_or_path`: what `AutoPeftModel` loads. */
  readonly baseModel?: string;
}

/**
 * Writes low-rank updates in PEFT's layout, `adapter_config.json` and `adapter_model.safetensors`: PEFT loads them onto the `CLIPModel` of
 * transformers. Each matrix has a rank of its own, and the scale `lora_alpha / r` is 1 everywhere.
 * @throws if the files cannot be written; then nothing is left behind
 */
export function saveAdapter(
  updates: LowRankUpdates,
  directory: string,
  options: SaveAdapterOptions = {},
): void {
  const config = `${JSON.stringify(formatConfig(updates, options), null, 2)}\n`;
  const tensors = Array.from(updates).flatMap(([name, { loraA, loraB }]) => [
    [keyOf(name, "A"), loraA] as const,
    [keyOf(name, "B"), loraB] as const,
  ]);
  writeDirectory(directory, (temporary) => {
    torch.safetensors.save(join(temporary, weightsFile), tensors, { format: "pt" });
    writeFileSync(join(temporary, configFile), config);
  });
}

/**
 * Reads an adapter in PEFT's layout.
 * @returns views of the memory-mapped file, on the CPU
 * @throws if a file is missing or damaged, or the adapter is not plain LoRA of scale 1 as `saveAdapter` writes it
 */
export function loadAdapter(directory: string): LowRankUpdates {
  const { lora_alpha, alpha_pattern } = readConfig(join(directory, configFile));
  const path = join(directory, weightsFile);
  return torch.scope(() => {
    const { tensors } = torch.safetensors.load(path);
    const names = new Set(Array.from(tensors.keys(), (key) => nameOf(key) ?? fail(path, `'${key}'`)));
    const updates = Array.from(names, (name): [string, LowRankUpdate] => {
      const loraA = tensors.get(keyOf(name, "A"));
      const loraB = tensors.get(keyOf(name, "B"));
      if (loraA === undefined || loraB === undefined || !isProduct(loraB, loraA)) {
        return fail(path, `${name} with B ${describe(loraB)} and A ${describe(loraA)}`);
      }
      const alpha = alpha_pattern[name] ?? lora_alpha;
      if (alpha !== loraA.size(0)) fail(path, `${name} with lora_alpha ${alpha} for rank ${loraA.size(0)}`);
      return [name, { loraA, loraB }];
    });
    return new Map(updates);
  });
}

const configSchema = z.object({
  peft_type: z.literal("LORA"),
  lora_alpha: z.number(),
  alpha_pattern: z.record(z.string(), z.number()).default({}),
  fan_in_fan_out: z.literal(false).default(false),
  use_dora: z.literal(false).default(false),
  use_rslora: z.literal(false).default(false),
});

function readConfig(path: string): z.infer<typeof configSchema> {
  let json: unknown;
  try {
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
    `${path}: expected a plain LoRA adapter.\n${z.prettifyError(parsed.error)}\nExport it again.`,
  );
}

// Field names and meaning: LoraConfig of PEFT. Ranks and alphas of single matrices stand in the patterns, by the path of the matrix.
function formatConfig(updates: LowRankUpdates, { baseModel }: SaveAdapterOptions): Record<string, unknown> {
  const ranks = Array.from(updates, ([name, { loraA }]) => [name, loraA.size(0)] as const);
  const highest = Math.max(0, ...ranks.map(([, rank]) => rank));
  const lower = Object.fromEntries(ranks.filter(([, rank]) => rank !== highest));
  return {
    peft_type: "LORA",
    task_type: null,
    auto_mapping: {
      base_model_class: "CLIPModel",
      parent_library: "transformers.models.clip.modeling_clip",
    },
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

function nameOf(key: string): string | undefined {
  return /^base_model\.model\.(.+)\.lora_[AB]\.weight$/.exec(key)?.[1];
}

function isProduct(left: Tensor, right: Tensor): boolean {
  return left.shape.length === 2 && right.shape.length === 2 && left.size(1) === right.size(0);
}

function describe(tensor: Tensor | undefined): string {
  return tensor === undefined ? "missing" : `[${tensor.shape.join(", ")}]`;
}

function fail(path: string, found: string): never {
  throw new Error(
    `${path}: expected pairs of A [r, inFeatures] and B [outFeatures, r] of scale 1, got ${found}. Export the adapter again.`,
  );
}
