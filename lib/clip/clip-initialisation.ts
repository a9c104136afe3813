import type { ClipConfig } from "./config.js";
import type { Distribution } from "./initialise.js";

/** As `CLIPPreTrainedModel._init_weights` of transformers. @param key published name of the parameter */
export function clipInitialisation(key: string, config: ClipConfig): Distribution {
  const std = standardDeviation(key, config);
  return std === undefined ? { constant: constant(key, config) } : { std };
}

/** The standard deviation of a normal parameter; `undefined` for a constant one. */
function standardDeviation(key: string, config: ClipConfig): number | undefined {
  const { width, layers } = key.startsWith("text") ? config.text : config.vision;
  const residual = (2 * layers) ** -0.5;
  const kind = key.match(/(\w+?)(?:\.weight)?$/)?.[1];
  switch (kind) {
    case "class_embedding":
    case "out_proj":
    case "visual_projection":
    case "text_projection":
      return width ** -0.5;
    case "q_proj":
    case "k_proj":
    case "v_proj":
    case "fc2":
      return width ** -0.5 * residual;
    case "fc1":
      return (2 * width) ** -0.5;
    case "token_embedding":
    case "patch_embedding":
    case "position_embedding":
      return 0.02;
    default:
      return undefined;
  }
}

function constant(key: string, config: ClipConfig): number {
  if (key === "logit_scale") return config.logitScaleInit;
  return key.endsWith(".bias") ? 0 : 1; // what remains are layer norms
}
