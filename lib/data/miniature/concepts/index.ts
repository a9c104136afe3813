export { animals } from "./animals.js";
export type { ConceptGroup, Draw, Palette } from "./concept.js";
export { digits } from "./digits.js";
export { flags } from "./flags.js";
export { flowers } from "./flowers.js";
export { objects } from "./objects.js";
export { signs } from "./signs.js";
export { textures } from "./textures.js";
export { vehicles } from "./vehicles.js";
