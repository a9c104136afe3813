export { AdamW, type AdamWOptions } from "./adamw.js";
export { Optimizer } from "./optimizer.js";
export { cosineSchedule } from "./schedule.js";
export { Sgd, type SgdOptions } from "./sgd.js";
