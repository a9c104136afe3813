import { describe, expect, it } from "vitest";
import { miniatureModelFiles, miniatureRecipe } from "../../../lib/data/miniature/index.js";

describe("miniatureModelFiles", () => {
  const files = miniatureModelFiles(miniatureRecipe);

  it("describes a CLIP of at most 3 million parameters", () => {
    const { vision, text, embedDim, patchSize, imageSize, contextLength } = miniatureRecipe;
    const vocabulary = (files["config.json"]?.text_config as { vocab_size: number }).vocab_size;
    const tower = ({ width, layers }: typeof vision) =>
      layers * (12 * width * width + 13 * width) + width * embedDim;
    const embeddings =
      vision.width * (3 * patchSize ** 2 + (imageSize / patchSize) ** 2 + 2) +
      text.width * (vocabulary + contextLength);
    expect(tower(vision) + tower(text) + embeddings).toBeLessThan(3e6);
    expect(imageSize % patchSize).toBe(0);
    expect(vision.width % vision.heads).toBe(0);
    expect(text.width % text.heads).toBe(0);
  });

  it("agrees across files on image size, context length and marker ids", () => {
    const { text_config: text, vision_config: vision } = files["config.json"] as Record<
      string,
      Record<string, unknown>
    >;
    const vocab = (files["tokenizer.json"]?.model as { vocab: Record<string, number> }).vocab;
    expect(text?.eos_token_id).toBe(vocab["<|endoftext|>"]);
    expect(text?.bos_token_id).toBe(vocab["<|startoftext|>"]);
    expect(text?.vocab_size).toBe(Object.keys(vocab).length);
    expect(files["tokenizer_config.json"]?.model_max_length).toBe(text?.max_position_embeddings);
    expect(files["preprocessor_config.json"]?.crop_size).toEqual({
      height: vision?.image_size,
      width: vision?.image_size,
    });
  });
});
