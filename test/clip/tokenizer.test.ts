import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Tokenizer } from "../../lib/clip/index.js";
import { fixture, temporaryDirectory } from "./fixtures.js";

interface Tokens {
  readonly text: string;
  readonly ids: readonly number[];
}

function read(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}

/** Ids of one text, without the batch. */
function encodeOne(tokenizer: Tokenizer, text: string): number[] {
  return Array.from(tokenizer.encode([text]).toTypedArray(), Number);
}

describe("Tokenizer", () => {
  const tokenizer = Tokenizer.load(fixture("quick-gelu"));
  const tokens = read(fixture("quick-gelu", "tokens.json")) as Tokens[];

  it.each(tokens)("gives the ids of transformers for '$text'", ({ text, ids }) => {
    expect(encodeOne(tokenizer, text)).toEqual(ids);
  });

  it("crops to the longest prompt and pads the others", () => {
    const ids = tokenizer.encode(["cat", "a photo of a cat."]);
    const { endId, padId } = tokenizer;
    expect(ids.dtype).toBe("int64");
    expect(ids.shape).toEqual([2, encodeOne(tokenizer, "a photo of a cat.").length]);
    const short = encodeOne(tokenizer, "cat");
    expect(short.at(-1)).toBe(endId);
    const row = Array.from(ids.select(0, 0).toTypedArray(), Number);
    expect(row).toEqual([...short, ...Array(row.length - short.length).fill(padId)]);
    expect(tokenizer.encode(["cat"], { crop: false }).shape).toEqual([1, 20]);
  });

  it("keeps the end token of a text that is too long", () => {
    const ids = encodeOne(Tokenizer.load(fixture("quick-gelu"), 5), "a photo of a cat and a dog");
    expect(ids).toHaveLength(5);
    expect(ids.at(-1)).toBe(tokenizer.endId);
  });

  it("names the file that is missing", () => {
    const directory = temporaryDirectory();
    expect(() => Tokenizer.load(directory)).toThrow(`${join(directory, "tokenizer.json")} is missing`);
  });
});
