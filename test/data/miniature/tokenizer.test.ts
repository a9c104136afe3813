import { Tokenizer } from "@huggingface/tokenizers";
import { describe, expect, it } from "vitest";
import {
  buildMiniatureTokenizer,
  miniatureDomains,
  miniatureRecipe,
} from "../../../lib/data/miniature/index.js";

const built = buildMiniatureTokenizer(miniatureRecipe.contextLength);
const tokenizer = new Tokenizer(built.tokenizer, built.config);
const encode = (text: string) => tokenizer.encode(text).ids;
const { startTokenId, endTokenId, vocabSize } = built;

describe("the miniature tokenizer", () => {
  it("has a dense vocabulary that ends in the two markers", () => {
    const ids = Object.values(built.tokenizer.model.vocab).sort((a, b) => a - b);
    expect(ids).toEqual(Array.from({ length: vocabSize }, (_, id) => id));
    expect([startTokenId, endTokenId]).toEqual([vocabSize - 2, vocabSize - 1]);
    expect(vocabSize).toBeGreaterThanOrEqual(768);
    expect(vocabSize).toBeLessThanOrEqual(1024);
  });

  it("reads back what it wrote", () => {
    for (const text of ["a photo of a rose, a type of flower.", "zebra crossing & 42 umlauts: ü"]) {
      expect(tokenizer.decode(encode(text), { skip_special_tokens: true }).replaceAll(/\s/g, "")).toBe(
        text.replaceAll(/\s/g, ""),
      );
    }
  });

  it("ignores case and the amount of white space", () => {
    expect(encode("A  Photo of\na ROSE")).toEqual(encode("a photo of a rose"));
  });

  it("has one token for each word of the class prompts, between the markers", () => {
    for (const { classes, template } of miniatureDomains) {
      for (const name of classes) {
        const prompt = template.replace("{}", name);
        const ids = encode(prompt);
        expect(ids[0]).toBe(startTokenId);
        expect(ids.at(-1)).toBe(endTokenId);
        expect(ids).toHaveLength(2 + (prompt.match(/\w+|[^\s\w]/g)?.length ?? 0));
        expect(ids.length).toBeLessThanOrEqual(miniatureRecipe.contextLength);
      }
    }
  });

  it("spells unknown words in any script without the unknown token", () => {
    for (const text of ["pneumonoultramicroscopic", "żółw", "猫", "🦊"]) {
      const ids = encode(text);
      expect(ids.length).toBeGreaterThan(3);
      expect(ids.slice(1, -1)).not.toContain(endTokenId);
    }
  });
});
