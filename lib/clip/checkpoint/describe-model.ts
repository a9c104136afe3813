import { existsSync } from "node:fs";
import { join } from "node:path";
import { archive } from "../../torch/index.js";
import type { ClipActivation, ModelConfig } from "../config.js";
import { parseConfig } from "../config-json.js";
import { parseJson, readDirectory } from "../files.js";
import { Preprocessing } from "../preprocessing.js";
import { openAiComment } from "./export.js";
import type { FoundModel } from "./find-model.js";
import { type StateDict, toOpenAi } from "./keys.js";
import type { LoadOptions } from "./load-options.js";
import { parseOpenClipConfig } from "./open-clip.js";
import { activationOfScript, configFromShapes, hasOpenAiSizes } from "./openai.js";
import { isArchive } from "./weights.js";

/** A model as its configuration, or else the shapes of its parameters, describe it. */
export interface Description {
  readonly config: ModelConfig;
  readonly preprocessing: Preprocessing;
  readonly isOpenClip: boolean;
  /**
   * The source of the activation: a configuration, or parameters by which it was recognised. `undefined` if
   * nothing says it.
   */
  readonly activationFrom: string | undefined;
}

const huggingFaceConfig = "config.json";
const openClipConfig = "open_clip_config.json";

/** Describes the model that was found among weights, by the configuration beside them or by their shapes. */
export function describeModel(
  found: FoundModel,
  source: string,
  directory: string,
  options: LoadOptions,
): Description {
  const openClipPath = join(directory, openClipConfig);
  const huggingFacePath = join(directory, huggingFaceConfig);
  if (found.naming === "openai" && existsSync(openClipPath)) {
    const parsed = parseOpenClipConfig(readJson(directory, openClipConfig), openClipPath);
    return { ...parsed, isOpenClip: true, activationFrom: openClipPath };
  }
  if (found.naming === "huggingface" && (existsSync(huggingFacePath) || options.activation === undefined)) {
    const config = parseConfig(readJson(directory, huggingFaceConfig), huggingFacePath);
    const preprocessing = Preprocessing.published(config.family, config.vision.imageSize);
    return { config, preprocessing, isOpenClip: false, activationFrom: huggingFacePath };
  }
  if (found.tensors.has("vision_model.head.probe")) {
    throw new Error(
      `${source}: the weights of a SigLIP: expected ${huggingFaceConfig} beside them, as their shapes do not tell all. ` +
        "Put the configuration there.",
    );
  }
  const isOpenAi = isOpenAis(found, source);
  const recognised = recogniseActivation(isOpenAi, source);
  const named = found.naming === "openai" ? found.tensors : toOpenAi(withoutAttention(found.tensors));
  const config = configFromShapes(named, recognised ?? options.activation ?? "quick_gelu", source, isOpenAi);
  const preprocessing = Preprocessing.openai(config.vision.imageSize);
  const activationFrom = recognised === undefined ? undefined : "the archive";
  return { config, preprocessing, isOpenClip: false, activationFrom };
}

/** q, k and v need not be fused to see their shapes. */
function withoutAttention(tensors: StateDict): StateDict {
  return new Map([...tensors].filter(([key]) => !key.includes(".self_attn.")));
}

/** An archive is of OpenAI's code if three sizes are among its parameters, or `saveOpenAi` wrote it. */
function isOpenAis({ tensors }: FoundModel, source: string): boolean {
  return isArchive(source) && (archive.comment(source) === openAiComment || hasOpenAiSizes(tensors));
}

/** The activation of an archive's own code; without such, that of OpenAI. */
function recogniseActivation(isOpenAi: boolean, source: string): ClipActivation | undefined {
  if (!isArchive(source)) return undefined;
  return activationOfScript(archive.scriptCode(source)) ?? (isOpenAi ? "quick_gelu" : undefined);
}

/** The configuration with the activation that counts: the wanted one, or the one that something says. */
export function withActivation(
  { config, activationFrom }: Description,
  wanted: LoadOptions["activation"],
  source: string,
  notes: string[],
): ModelConfig {
  if (wanted === undefined) {
    if (activationFrom !== undefined) return config;
    throw new Error(
      `${source}: nothing says which activation this model has: expected ${openClipConfig} beside it, or the option ` +
        "`activation`. Give 'quick_gelu' for weights of OpenAI and what was trained from them, 'gelu' for others.",
    );
  }
  const said = [config.text.activation, config.vision.activation].filter(
    (activation) => activation !== wanted,
  );
  if (said.length === 0) return config;
  notes.push(
    `computes ${wanted}, as the option \`activation\` says, where ${activationFrom} says ${said[0]}`,
  );
  return {
    ...config,
    text: { ...config.text, activation: wanted },
    vision: { ...config.vision, activation: wanted },
  } as ModelConfig;
}

/** @throws if the `config.json` beside weights, where it is the only configuration, is of no known model */
export function checkConfigBeside(directory: string): void {
  const path = join(directory, huggingFaceConfig);
  if (existsSync(path) && !existsSync(join(directory, openClipConfig))) {
    parseConfig(readJson(directory, huggingFaceConfig), path);
  }
}

function readJson(directory: string, name: string): unknown {
  return parseJson(readDirectory(directory, [name]), name, directory);
}
