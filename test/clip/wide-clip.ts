import { join } from "node:path";
import { onTestFinished } from "vitest";
import {
  type ClipConfig,
  type ClipModel,
  clipConfigs,
  createModel,
  readAssets,
} from "../../lib/clip/index.js";
import { packageRoot } from "../../lib/torch/index.js";

/** Two blocks whose matrices are large enough to be packed: 512 × 512 at least. Words are the miniature's. */
export function wideClip(): ClipModel {
  const base = clipConfigs["vit-b-32"];
  const small = { width: 512, heads: 8, mlpWidth: 1024, layers: 2 };
  const assets = readAssets(join(packageRoot, "assets/miniature-clip"), { imageSize: 48 });
  const config: ClipConfig = {
    ...base,
    text: { ...base.text, ...small, layers: 1, vocabSize: 949 },
    vision: { ...base.vision, ...small, imageSize: 48, patchSize: 16 },
  };
  const model = createModel(config, { seed: 1, assets }).requiresGrad_(false) as ClipModel;
  onTestFinished(() => model.dispose());
  return model;
}
