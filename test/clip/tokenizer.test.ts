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
  return Array.from(tokenizer.encode([text], { truncate: true }).toTypedArray(), Number);
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

  it("refuses a text that is too long, as OpenAI's tokenizer", () => {
    expect(tokenizer.encode(["a ".repeat(18)]).shape).toEqual([1, 20]);
    expect(() => tokenizer.encode(["a cat", "a ".repeat(120)])).toThrow(
      /^Text "a a .* … .*a ": expected at most 20 tokens.*got 122\. .*truncate: true/,
    );
  });

  it("cuts it if asked, and keeps the end token", () => {
    const short = Tokenizer.load(fixture("quick-gelu"), 5);
    const ids = Array.from(short.encode(["a a a a a a"], { truncate: true }).toTypedArray(), Number);
    expect(ids).toHaveLength(5);
    expect(ids.at(-1)).toBe(tokenizer.endId);
    const files = new Map(
      ["tokenizer.json", "tokenizer_config.json"].map((name) => [
        name,
        readFileSync(fixture("quick-gelu", name)),
      ]),
    );
    const cutting = Tokenizer.parse(files, "quick-gelu", { contextLength: 5, truncate: true });
    expect(Array.from(cutting.encode(["a a a a a a"]).toTypedArray(), Number)).toEqual(ids);
  });

  it("names the file that is missing", () => {
    const directory = temporaryDirectory();
    expect(() => Tokenizer.load(directory)).toThrow(`${join(directory, "tokenizer.json")} is missing`);
  });
});
