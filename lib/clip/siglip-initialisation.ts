import { numelOf } from "../torch/index.js";
import type { SiglipConfig } from "./config.js";
import type { Distribution } from "./initialise.js";

/**
 * As `SiglipPreTrainedModel._init_weights` of transformers, but for scale and bias of the logits, which start
 * as the paper says: arXiv:2303.15343, section 3.2.
 * @param key published name of the parameter
 */
export function siglipInitialisation(
  key: string,
  shape: readonly number[],
  { vision }: SiglipConfig,
): Distribution {
  const [rows = 1, columns = 1, ...kernel] = shape;
  const area = numelOf(kernel); // of a patch
  if (key === "logit_scale") return { constant: Math.log(10) };
  if (key === "logit_bias") return { constant: -10 };
  if (key.endsWith("probe")) return { bound: Math.sqrt(6 / ((rows + columns) * area)) };
  if (/\.mlp\.fc\d\.bias$/.test(key)) return { std: 1e-6 };
  if (/bias$/.test(key)) return { constant: 0 };
  if (/norm\d?\.weight$/.test(key)) return { constant: 1 };
  if (key === "vision_model.embeddings.position_embedding.weight") return { std: vision.width ** -0.5 };
  if (/(token|position)_embedding\.weight$/.test(key)) return { std: columns ** -0.5 };
  if (/(_proj[._]|fc\d\.)weight$/.test(key)) return { bound: Math.sqrt(6 / (rows + columns)) };
  return { std: (columns * area) ** -0.5 }; // patches and the head of texts
}
