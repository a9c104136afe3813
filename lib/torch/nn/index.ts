export { type Activation, activate } from "./activation.js";
export { Embedding } from "./embedding.js";
export * as functional from "./functional.js";
export { LayerNorm } from "./layer-norm.js";
export { Linear, type LinearAdapter } from "./linear.js";
export { Module, type ParameterOptions } from "./module.js";
export { StackedLinear } from "./stacked-linear.js";
