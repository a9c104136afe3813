export { Embedding } from "./embedding.js";
export * as functional from "./functional.js";
export { LayerNorm } from "./layer-norm.js";
export { Linear, type LinearAdapter, StackedLinear } from "./linear.js";
export { Module, type ParameterOptions } from "./module.js";
