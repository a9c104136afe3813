import type { AdaptableLayer } from "../clip/index.js";
import { checkOptions, type OptionKeys } from "../options/index.js";

/** The six weight matrices of a transformer block: attention projections, and the two of the MLP. */
export const loraTargets = ["q", "k", "v", "o", "fc", "proj"] as const;
export type LoraTarget = (typeof loraTargets)[number];
const loraEncoders = ["vision", "text", "both"] as const;
export type LoraEncoders = (typeof loraEncoders)[number];

/** Which matrices get adapters, and how these start. docs/specification.md, section 2.1. */
export interface LoraConfig {
  /** Rank r of every adapter. */
  rank: number;
  encoders: LoraEncoders;
  targets: readonly LoraTarget[];
  /**
   * How the importance weights w start: `normal` draws from N(0, 1) as in the paper, `ones` starts every rank
   * equal. `fixed` leaves them at one and does not train them: ordinary LoRA. `fixed-normal` leaves them at
   * their draw from N(0, 1).
   */
  importance: "normal" | "ones" | "fixed" | "fixed-normal";
}

const configKeys: OptionKeys<LoraConfig> = { rank: true, encoders: true, targets: true, importance: true };

export const defaultLoraConfig: LoraConfig = {
  rank: 16,
  encoders: "both",
  targets: loraTargets,
  importance: "normal",
};

/** Whether the importance weights get gradients. */
export function trainsImportance({ importance }: Pick<LoraConfig, "importance">): boolean {
  return importance === "normal" || importance === "ones";
}

/** @throws if a value is out of range or nothing is selected */
export function checkLoraConfig(config: LoraConfig): void {
  checkOptions(config, configKeys, "lora.inject");
  if (!Number.isInteger(config.rank) || config.rank < 1) {
    throw new RangeError(`LoRA rank must be a whole number of at least 1, got ${config.rank}.`);
  }
  if (!loraEncoders.includes(config.encoders)) {
    throw new RangeError(`LoRA encoders must be vision, text or both, got ${config.encoders}.`);
  }
  const unknown = config.targets.filter((target) => !loraTargets.includes(target));
  if (unknown.length > 0 || config.targets.length === 0) {
    throw new RangeError(
      `LoRA targets must be some of ${loraTargets.join(", ")}, got ${config.targets.join(", ") || "none"}.`,
    );
  }
}

/** The adapted matrices of a layer, in the layer's order; empty when it is left alone. */
export function selectedTargets(layer: AdaptableLayer, config: LoraConfig): LoraTarget[] {
  const isInEncoder = config.encoders === "both" || config.encoders === layer.encoder;
  return isInEncoder ? layer.targets.filter((target) => config.targets.includes(target)) : [];
}
