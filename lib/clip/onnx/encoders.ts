import { type ClipTextConfig, highestTokenId, type TransformerConfig, type VisionConfig } from "../config.js";
import { elementTypes, type Graph } from "./graph.js";
import type { Weights } from "./weights.js";

/**
 * The image encoder with its projection.
 * @param pixels name of a value, float32 `[B, 3, S, S]`, normalised
 * @returns name of a value, float32 `[B, embedDim]`, not normalised
 */
export function encodeImage(weights: Weights, config: VisionConfig, pixels: string): string {
  const { graph } = weights;
  const { width, patchSize, imageSize, layerNormEps } = config;
  const positions = Math.floor(imageSize / patchSize) ** 2 + 1;
  const square = [patchSize, patchSize];
  const embedded = graph.node(
    "Conv",
    [compute(weights, pixels), weights.plain("vision_model.embeddings.patch_embedding.weight")],
    { kernel_shape: square, strides: square },
  ); // [B, width, H, W]
  const patches = graph.node("Transpose", [graph.node("Reshape", [embedded, graph.ints([0, width, -1])])], {
    perm: [0, 2, 1],
  });
  const batch = graph.node("Shape", [pixels], { start: 0, end: 1 });
  const shape = graph.node("Concat", [batch, graph.ints([1, width])], { axis: 0 });
  const classToken = weights.plain("vision_model.embeddings.class_embedding", [1, 1, width]);
  const tokens = graph.node("Concat", [graph.node("Expand", [classToken, shape]), patches], { axis: 1 });
  const position = weights.plain("vision_model.embeddings.position_embedding.weight", [1, positions, width]);
  let x = graph.node("Add", [tokens, position]);
  x = norm(weights, x, "vision_model.pre_layrnorm", layerNormEps);
  x = blocks(weights, x, "vision_model.encoder.layers", config);
  const pooled = graph.node("Gather", [x, graph.ints([0], [])], { axis: 1 });
  const normed = norm(weights, pooled, "vision_model.post_layernorm", layerNormEps);
  return result(weights, graph.node("MatMul", [normed, weights.matrix("visual_projection.weight")]));
}

/**
 * The text encoder with its projection.
 * @param ids name of a value, int64 `[C, L]`, L at most the context length
 * @returns name of a value, float32 `[C, embedDim]`, not normalised
 */
export function encodeText(weights: Weights, config: ClipTextConfig, ids: string): string {
  const { graph } = weights;
  const { contextLength, layerNormEps } = config;
  const length = graph.node("Shape", [ids], { start: 1, end: 2 });
  const positions = graph.node("Slice", [
    weights.plain("text_model.embeddings.position_embedding.weight"),
    graph.ints([0]),
    length,
    graph.ints([0]),
  ]);
  const mask = graph.node("Slice", [
    weights.causalMask(contextLength),
    graph.ints([0, 0]),
    graph.node("Concat", [length, length], { axis: 0 }),
    graph.ints([0, 1]),
  ]);
  const tokens = weights.rows("text_model.embeddings.token_embedding.weight", ids);
  const x = blocks(
    weights,
    graph.node("Add", [tokens, positions]),
    "text_model.encoder.layers",
    config,
    mask,
  );
  const pooled = graph.node("GatherND", [x, endOfText(graph, config, ids)], { batch_dims: 1 });
  const normed = norm(weights, pooled, "text_model.final_layer_norm", layerNormEps);
  return result(weights, graph.node("MatMul", [normed, weights.matrix("text_projection.weight")]));
}

/** Rows of length 1. @param features name of a value, `[B, D]` */
export function normalize(graph: Graph, features: string): string {
  return graph.node("Div", [features, graph.node("ReduceL2", [features], { axes: [-1], keepdims: 1 })]);
}

/** Position of the end of each text, `[C, 1]`: the first of several end tokens. */
function endOfText(graph: Graph, { endTokenId }: ClipTextConfig, ids: string): string {
  const scores =
    endTokenId === highestTokenId ? ids : graph.node("Equal", [ids, graph.ints([endTokenId], [])]);
  const numbers = graph.node("Cast", [scores], { to: elementTypes.float32 });
  return graph.node("ArgMax", [numbers], { axis: -1, keepdims: 1 });
}

/** Pre-LN transformer blocks. @param mask added to attention, `[L, L]` */
function blocks(
  weights: Weights,
  input: string,
  prefix: string,
  config: TransformerConfig,
  mask?: string,
): string {
  const { graph } = weights;
  let x = input;
  for (let layer = 0; layer < config.layers; layer++) {
    const name = `${prefix}.${layer}`;
    const attended = attention(
      weights,
      norm(weights, x, `${name}.layer_norm1`, config.layerNormEps),
      `${name}.self_attn`,
      config,
      mask,
    );
    x = graph.node("Add", [x, attended]);
    const hidden = linear(
      weights,
      norm(weights, x, `${name}.layer_norm2`, config.layerNormEps),
      `${name}.mlp.fc1`,
    );
    x = graph.node("Add", [x, linear(weights, activate(weights, hidden, config), `${name}.mlp.fc2`)]);
  }
  return x;
}

/** `softmax(q kᵀ / √D + mask) v` in every head. */
function attention(
  weights: Weights,
  x: string,
  prefix: string,
  { width, heads }: TransformerConfig,
  mask?: string,
): string {
  const { graph } = weights;
  const split = (part: string, perm: readonly number[]): string => {
    const projected = linear(weights, x, `${prefix}.${part}_proj`);
    const shaped = graph.node("Reshape", [projected, graph.ints([0, 0, heads, width / heads])]);
    return graph.node("Transpose", [shaped], { perm });
  };
  const scale = weights.number((width / heads) ** -0.5);
  const q = graph.node("Mul", [split("q", [0, 2, 1, 3]), scale]);
  const scores = graph.node("MatMul", [q, split("k", [0, 2, 3, 1])]); // [B, heads, L, L]
  const masked = mask === undefined ? scores : graph.node("Add", [scores, mask]);
  const attended = graph.node("MatMul", [
    graph.node("Softmax", [masked], { axis: -1 }),
    split("v", [0, 2, 1, 3]),
  ]);
  const joined = graph.node("Reshape", [
    graph.node("Transpose", [attended], { perm: [0, 2, 1, 3] }),
    graph.ints([0, 0, width]),
  ]);
  return linear(weights, joined, `${prefix}.out_proj`);
}

function linear(weights: Weights, x: string, prefix: string): string {
  const { graph } = weights;
  const product = graph.node("MatMul", [x, weights.matrix(`${prefix}.weight`)]);
  return graph.node("Add", [product, weights.plain(`${prefix}.bias`)]);
}

function norm(weights: Weights, x: string, prefix: string, epsilon: number): string {
  const factors = [weights.plain(`${prefix}.weight`), weights.plain(`${prefix}.bias`)];
  return weights.graph.node("LayerNormalization", [x, ...factors], { axis: -1, epsilon: { float: epsilon } });
}

/** `x σ(1.702 x)`, or `x (1 + erf(x / √2)) / 2`: the operator Gelu is younger than the opset. */
function activate(weights: Weights, x: string, { activation }: TransformerConfig): string {
  const { graph } = weights;
  const times = (value: string, factor: number) => graph.node("Mul", [value, weights.number(factor)]);
  if (activation === "quick_gelu") return graph.node("Mul", [x, graph.node("Sigmoid", [times(x, 1.702)])]);
  const erf = graph.node("Erf", [times(x, Math.SQRT1_2)]);
  return graph.node("Mul", [times(x, 0.5), graph.node("Add", [erf, weights.number(1)])]);
}

/** A float32 value in the type of the computation. */
function compute({ graph, type }: Weights, value: string): string {
  return type === "float32" ? value : graph.node("Cast", [value], { to: elementTypes[type] });
}

function result({ graph, type }: Weights, value: string): string {
  return type === "float32" ? value : graph.node("Cast", [value], { to: elementTypes.float32 });
}
