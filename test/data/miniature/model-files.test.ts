import { describe, expect, it } from "vitest";
import {
  isMiniature,
  miniatureModelFiles,
  miniatureRecipe,
  miniatureRecipes,
  type TowerSize,
} from "../../../lib/data/miniature/index.js";

describe("miniatureModelFiles", () => {
  const files = miniatureModelFiles(miniatureRecipe);
  const { text_config: text, vision_config: vision } = files["config.json"] as Record<
    "text_config" | "vision_config",
    Record<string, unknown>
  >;
  const { vocab } = (files["tokenizer.json"] as { model: { vocab: Record<string, number> } }).model;

  it("describes a CLIP of at most 3 million parameters", () => {
    const { embedDim, patchSize, imageSize, contextLength } = miniatureRecipe;
    const tower = ({ width, layers }: TowerSize) =>
      layers * (12 * width * width + 13 * width) + width * embedDim;
    const embeddings =
      miniatureRecipe.vision.width * (3 * patchSize ** 2 + (imageSize / patchSize) ** 2 + 2) +
      miniatureRecipe.text.width * (Object.keys(vocab).length + contextLength);
    expect(tower(miniatureRecipe.vision) + tower(miniatureRecipe.text) + embeddings).toBeLessThan(3e6);
    expect(imageSize % patchSize).toBe(0);
    for (const { width, heads } of [miniatureRecipe.vision, miniatureRecipe.text])
      expect(width % heads).toBe(0);
  });

  it("agrees across files on image size, context length and marker ids", () => {
    expect(text.eos_token_id).toBe(vocab["<|endoftext|>"]);
    expect(text.bos_token_id).toBe(vocab["<|startoftext|>"]);
    expect(text.vocab_size).toBe(Object.keys(vocab).length);
    expect(files["tokenizer_config.json"]?.model_max_length).toBe(text.max_position_embeddings);
    expect(files["preprocessor_config.json"]?.crop_size).toEqual({
      height: vision.image_size,
      width: vision.image_size,
    });
  });
});

describe("the recipes", () => {
  it("go on with models of the same sizes", () => {
    const { after, ...recipe } = miniatureRecipes["miniature-v2"];
    expect(after).toBe("miniature");
    const first = miniatureRecipes.miniature;
    expect(first.after).toBeUndefined();
    expect(miniatureModelFiles(recipe)).toEqual(miniatureModelFiles(first));
    for (const { pairs, batchSize } of [recipe, first]) expect(pairs).toBeGreaterThan(batchSize);
  });

  it("are known by name", () => {
    expect(["miniature", "miniature-v2", "miniature-v3", "toString"].map(isMiniature)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});
