import { z } from "zod";
import { firstLines } from "../options/index.js";
import { withConfiguredTokens } from "./configured-tokens.js";
import { type DirectoryFiles, parseJson } from "./files.js";
import { siglipTokenizerConfig, withLowerCase } from "./siglip-tokenizer.js";
import { withTokenizerJson } from "./slow-tokenizer.js";
import { tokenizerPath } from "./tokenizer-files.js";
import { type Encoder, encoderOf, type TokenizerJson } from "./tokenizer-json.js";

const tokenizerConfigSchema = z.object({
  ...siglipTokenizerConfig.shape,
  model_max_length: z.number().positive().nullish(),
});

/** The files of a tokenizer, parsed without knowing its model. */
export interface ParsedTokenizer {
  readonly files: DirectoryFiles;
  /** The directory, named in errors. */
  readonly source: string;
  readonly json: TokenizerJson;
  readonly config: z.output<typeof tokenizerConfigSchema>;
  readonly encoder: Encoder;
}

/**
 * Nearly all of the work of opening a tokenizer, a tenth of a second for CLIP's 49,408 tokens. It needs no
 * libtorch.
 * @throws if `tokenizer.json` is missing or not a tokenizer
 */
export function parseTokenizer(given: DirectoryFiles, source: string): ParsedTokenizer {
  const files = withTokenizerJson(given, source);
  const configJson = files.has("tokenizer_config.json")
    ? (parseJson(files, "tokenizer_config.json", source) as object)
    : {};
  const parsed = tokenizerConfigSchema.safeParse(configJson);
  if (!parsed.success)
    throw new Error(`${source}/tokenizer_config.json: ${firstLines(z.prettifyError(parsed.error), 7)}`);
  const config = parsed.data;
  const path = tokenizerPath(source);
  const written = parseJson(files, "tokenizer.json", source, path) as TokenizerJson;
  const json = withLowerCase(withConfiguredTokens(written, files, source), config);
  return { files, source, json, config, encoder: encoderOf(json, configJson, path) };
}
