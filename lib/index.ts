export * as clip from "./clip/index.js";
export * as data from "./data/index.js";
export * as lora from "./lora/index.js";
export * as methods from "./methods/index.js";
export * as protocol from "./protocol/index.js";
export * as report from "./report/index.js";
export * as torch from "./torch/index.js";
