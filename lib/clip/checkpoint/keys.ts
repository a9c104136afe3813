import { cat, type Tensor } from "../../torch/index.js";

// OpenAI's CLIP and open_clip name parameters alike. Hugging Face renamed them, split the fused q, k, v
// matrices and stores the projections as weights of linear layers, which are transposed.

/** Parameters by their published names. */
export type StateDict = ReadonlyMap<string, Tensor>;

/** Hugging Face's name, OpenAI's name. */
const modules: readonly (readonly [huggingFace: string, openAi: string])[] = [
  ["vision_model.embeddings.class_embedding", "visual.class_embedding"],
  ["vision_model.embeddings.patch_embedding.weight", "visual.conv1.weight"],
  ["vision_model.embeddings.position_embedding.weight", "visual.positional_embedding"],
  ["vision_model.pre_layrnorm", "visual.ln_pre"], // sic
  ["vision_model.post_layernorm", "visual.ln_post"],
  ["vision_model.encoder.layers", "visual.transformer.resblocks"],
  ["visual_projection.weight", "visual.proj"],
  ["text_model.embeddings.token_embedding.weight", "token_embedding.weight"],
  ["text_model.embeddings.position_embedding.weight", "positional_embedding"],
  ["text_model.final_layer_norm", "ln_final"],
  ["text_model.encoder.layers", "transformer.resblocks"],
  ["text_projection.weight", "text_projection"],
];

/** The same within a block. */
const blockModules: typeof modules = [
  ["layer_norm1", "ln_1"],
  ["layer_norm2", "ln_2"],
  ["self_attn", "attn"],
  ["mlp.fc1", "mlp.c_fc"],
  ["mlp.fc2", "mlp.c_proj"],
];

const transposed = new Set(["visual_projection.weight", "text_projection.weight"]);
const parts = ["q", "k", "v"];

/**
 * A state dict in OpenAI's (and open_clip's) names as one in Hugging Face's. Names it does not know stay as
 * they are.
 * @returns views of the tensors given
 */
export function fromOpenAi(state: StateDict): Map<string, Tensor> {
  const renamed = new Map<string, Tensor>();
  for (const [openAiKey, tensor] of state) {
    const key = rename(openAiKey, 1, 0);
    const fused = key.match(/^(.*\.self_attn\.)in_proj_(weight|bias)$/);
    if (fused !== null && tensor.dim() > 0) {
      tensor.chunk(3).forEach((part, i) => {
        renamed.set(`${fused[1]}${parts[i]}_proj.${fused[2]}`, part);
      });
    } else renamed.set(key, transposeIf(transposed.has(key), tensor));
  }
  return renamed;
}

/**
 * A state dict in Hugging Face's names as one in OpenAI's (and open_clip's). Names it does not know stay as
 * they are.
 * @returns views of the tensors given, and copies of the q, k, v matrices, fused
 * @throws if they are a SigLIP's, for whose heads there are no names
 */
export function toOpenAi(state: StateDict): Map<string, Tensor> {
  const head = [...state.keys()].find((key) => /^(vision|text)_model\.head\./.test(key));
  if (head !== undefined) {
    throw new Error(
      `toOpenAi: '${head}' is a parameter of SigLIP: expected those of a CLIP, as OpenAI's CLIP and open_clip have no name for it. ` +
        "Write it with saveModel, for transformers.",
    );
  }
  const renamed = new Map<string, Tensor>();
  for (const [key, tensor] of state) {
    const openAiKey = rename(key, 0, 1);
    const [, prefix, part, kind] = openAiKey.match(/^(.*\.attn\.)([qkv])_proj\.(weight|bias)$/) ?? [];
    if (part === undefined) renamed.set(openAiKey, transposeIf(transposed.has(key), tensor));
    else if (part === "q") {
      const fused = parts.flatMap((name) => state.get(key.replace("q_proj", `${name}_proj`)) ?? []);
      renamed.set(`${prefix}in_proj_${kind}`, cat(fused));
    }
  }
  return renamed;
}

function rename(key: string, from: 0 | 1, to: 0 | 1): string {
  const module = modules.find((names) => isPrefix(names[from], key));
  if (module === undefined) return key;
  const rest = key.slice(module[from].length);
  const [, layer, inBlock = ""] = rest.match(/^(\.\d+\.)(.*)$/) ?? [];
  if (layer === undefined) return module[to] + rest;
  const blockModule = blockModules.find((names) => isPrefix(names[from], inBlock));
  const renamed =
    blockModule === undefined ? inBlock : blockModule[to] + inBlock.slice(blockModule[from].length);
  return module[to] + layer + renamed;
}

function isPrefix(name: string, key: string): boolean {
  return key === name || key.startsWith(`${name}.`);
}

function transposeIf(isTransposed: boolean, tensor: Tensor): Tensor {
  return isTransposed && tensor.dim() === 2 ? tensor.t() : tensor;
}
