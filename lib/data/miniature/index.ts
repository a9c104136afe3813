export { type MiniatureDomain, miniatureDomain, miniatureDomains } from "./domains.js";
export { type MiniatureModelFiles, miniatureModelFiles } from "./model-files.js";
export {
  isMiniature,
  type MiniatureName,
  type MixtureName,
  miniatureRecipe,
  miniatureRecipes,
  type PretrainingRecipe,
  type TowerSize,
} from "./recipe.js";
export { buildMiniatureTokenizer } from "./tokenizer.js";
export {
  type DomainImages,
  type DomainImagesOptions,
  drawDomain,
  drawPretrainingPairs,
  type PretrainingPairs,
  type PretrainingPairsOptions,
} from "./world.js";
