import { describe, expect, it } from "vitest";
import { byteSymbols } from "../../../lib/clip/index.js";
import { learnMerges } from "../../../lib/data/miniature/bpe.js";

describe("byteSymbols", () => {
  it("maps each byte to a character of its own, as GPT-2 does", () => {
    const symbols = byteSymbols();
    expect(new Set(symbols.values()).size).toBe(256);
    expect(symbols.get(0x41)).toBe("A");
    expect(symbols.get(0x20)).toBe("Ġ");
    expect(symbols.get(0x0a)).toBe("Ċ");
  });
});

describe("learnMerges", () => {
  it("joins the most frequent pair first, counting words by weight", () => {
    const words = new Map([
      ["low", 5],
      ["lower", 2],
      ["newest", 6],
      ["widest", 3],
    ]);
    expect(learnMerges(words, 4)).toEqual([
      ["e", "s"],
      ["es", "t</w>"],
      ["l", "o"],
      ["e", "w"],
    ]);
  });

  it("stops when every word is one symbol", () => {
    expect(learnMerges(new Map([["ab", 1]]), 10)).toEqual([["a", "b</w>"]]);
  });
});
