export { AdamW, type AdamWOptions } from "./adamw.js";
export { Optimizer } from "./optimizer.js";
export { cosineSchedule, oneCycleSchedule } from "./schedule.js";
export { Sgd, type SgdOptions } from "./sgd.js";
