export { checkOptions, nearestName, type OptionKeys } from "./check-options.js";
