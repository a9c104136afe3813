import {
  type ClipActivation,
  type ClipConfig,
  type ClipTransformerConfig,
  highestTokenId,
  logitScaleInit,
} from "../config.js";
import type { StateDict } from "./keys.js";

const headWidth = 64; // of all of OpenAI's models, and open_clip's default
/** Widths of open_clip's image encoders ViT-H, g, bigG and e, and of their heads. */
const wideHeads: ReadonlyMap<number, number> = new Map([
  [1280, 80],
  [1408, 88],
  [1664, 104],
  [1792, 112],
]);

/**
 * The shape of a model as OpenAI's own code reads it: from the shapes of its parameters. Heads are 64 wide
 * but for image encoders of the widths that open_clip alone publishes.
 * @param activation which they do not tell
 * @param source named in errors
 * @param isOpenAi the file is known to be of OpenAI's code, in which every width has heads of 64
 * @throws if a parameter that it needs is missing, or has a shape that no CLIP model has
 */
export function configFromShapes(
  tensors: StateDict,
  activation: ClipActivation,
  source: string,
  isOpenAi = false,
): ClipConfig {
  const shapeOf = (key: string, dims: number): number[] => {
    const shape = tensors.get(key)?.shape;
    if (shape?.length === dims) return shape;
    const found = shape === undefined ? "it is missing" : `got [${shape.join(", ")}]`;
    throw new Error(
      `${source}: not a CLIP model of OpenAI: parameter ${key}: expected ${dims} dimensions, ${found}. Check the file.`,
    );
  };
  const tower = (prefix: string, width: number, ofHeads = headWidth): ClipTransformerConfig => {
    if (width % ofHeads !== 0) {
      throw new Error(
        `${source}: ${prefix} has width ${width}: expected a multiple of ${ofHeads}, the width of OpenAI's heads. ` +
          "Give a directory with the configuration of the model.",
      );
    }
    return {
      width,
      layers: countLayers(tensors, prefix),
      heads: width / ofHeads,
      mlpWidth: shapeOf(`${prefix}.resblocks.0.mlp.c_fc.weight`, 2)[0]!,
      activation,
      layerNormEps: 1e-5,
    };
  };
  const [visionWidth, , patchSize] = shapeOf("visual.conv1.weight", 4) as [number, number, number];
  const [positions] = shapeOf("visual.positional_embedding", 2) as [number];
  const [vocabSize, textWidth] = shapeOf("token_embedding.weight", 2) as [number, number];
  return {
    text: {
      ...tower("transformer", textWidth),
      vocabSize,
      contextLength: shapeOf("positional_embedding", 2)[0]!,
      startTokenId: vocabSize - 2,
      padTokenId: vocabSize - 1,
      endTokenId: highestTokenId,
    },
    vision: {
      ...tower("visual.transformer", visionWidth, isOpenAi ? headWidth : wideHeads.get(visionWidth)),
      imageSize: patchSize * Math.round(Math.sqrt(positions - 1)),
      patchSize,
    },
    embedDim: shapeOf("text_projection", 2)[1]!,
    logitScaleInit,
  };
}

/**
 * The text tower of open_clip's custom-text CLIP, which lies under `text.`, at its place in CLIP.
 * @param tensors in OpenAI's names
 */
export function withoutCustomText(tensors: StateDict): StateDict {
  if (!tensors.has("text.token_embedding.weight")) return tensors;
  return new Map(Array.from(tensors, ([key, tensor]) => [key.replace(/^text\./, ""), tensor]));
}

/** Whether the state dict has the three sizes that OpenAI's archives keep among the parameters. */
export function hasOpenAiSizes(tensors: StateDict): boolean {
  return ["input_resolution", "context_length", "vocab_size"].every((key) => tensors.has(key));
}

/** The activation that the code of a script module computes, as in OpenAI's published archives. */
export function activationOfScript(code: string): ClipActivation | undefined {
  const isQuick = /QuickGELU|\b1\.702\b/.test(code);
  const isExact = /\bgelu\(/.test(code);
  if (isQuick === isExact) return undefined; // nothing of both, or one in each tower
  return isQuick ? "quick_gelu" : "gelu";
}

/** @throws if a tower is another one than CLIP's vision and text transformers, saying which */
export function checkTowers(tensors: StateDict, source: string): void {
  const useHuggingFace = "Use the Hugging Face directory of the model, whose model_type is siglip.";
  // Only SigLIP has a bias of its logits; not every one of timm's image towers pools by attention.
  const isSiglip =
    tensors.has("logit_bias") || [...tensors.keys()].some((key) => key.startsWith("visual.trunk.attn_pool."));
  const towers: [prefix: string, name: string, remedy?: string][] = [
    ["visual.layer1.", "a ResNet"],
    isSiglip
      ? ["visual.trunk.", "SigLIP's towers as open_clip has them", useHuggingFace]
      : ["visual.trunk.", "a model of timm"],
    ["text.", "a text tower of its own"],
    ["text_decoder.", "a text decoder (CoCa)"],
  ];
  const found = towers.find(([prefix]) => [...tensors.keys()].some((key) => key.startsWith(prefix)));
  if (found === undefined) return;
  throw new Error(
    `${source}: this model has ${found[1]} (${found[0]}*): expected the vision and the text transformer of CLIP. ` +
      (found[2] ?? "Use one of the ViT models."),
  );
}

function countLayers(tensors: StateDict, prefix: string): number {
  const pattern = new RegExp(`^${prefix.replace(".", "\\.")}\\.resblocks\\.(\\d+)\\.`);
  return new Set(Array.from(tensors.keys(), (key) => key.match(pattern)?.[1]).filter(Boolean)).size;
}
