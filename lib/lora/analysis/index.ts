export { amplification, type UpdateSize } from "./amplification.js";
export { type Drift, type ModelDrift, modelDrift } from "./drift.js";
export { type ModuleUpdate, measureAdapters, measureUpdates, updateSize } from "./update-size.js";
