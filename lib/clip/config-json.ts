import { printable } from "../options/index.js";
import { formatClipConfig, parseClipConfig } from "./clip-config-json.js";
import type { ModelConfig } from "./config.js";
import { formatSiglipConfig, parseSiglipConfig } from "./siglip-config-json.js";

const halves = /^(clip|siglip)_(text|vision)_model$/;

/**
 * Reads the content of a Hugging Face `config.json`; its `model_type` says which family the model is of.
 * @param source named in the error, such as the path of the file
 * @throws with every wrong field
 */
export function parseConfig(json: unknown, source = "config.json"): ModelConfig {
  const type = (json as { model_type?: unknown } | null | undefined)?.model_type;
  if (type === "siglip2") {
    throw new Error(
      `${source}: model_type siglip2, a SigLIP 2 that reads images of any shape (NaFlex): expected one for images of one size. ` +
        "Use such a checkpoint, whose model_type is siglip.",
    );
  }
  if (typeof type === "string" && type !== "siglip" && type !== "clip") {
    throw new Error(
      `${source}: model_type ${printable(type)}: expected clip or siglip, with both encoders.${halves.test(type) ? " This is one encoder alone." : ""} ` +
        "Use a checkpoint of one of them; a corrected field would not make it one.",
    );
  }
  return type === "siglip" ? parseSiglipConfig(json, source) : parseClipConfig(json, source);
}

/** The content of a `config.json` that `transformers` reads back as the same model. */
export function formatConfig(config: ModelConfig): Record<string, unknown> {
  return config.family === "siglip" ? formatSiglipConfig(config) : formatClipConfig(config);
}
