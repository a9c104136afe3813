import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { readAssets, type Tokenizer } from "../../lib/clip/index.js";
import { packageRoot } from "../../lib/torch/index.js";
import { needs } from "../needs.js";
import { fixture, temporaryDirectory } from "./fixtures.js";

const small = JSON.parse(readFileSync(fixture("quick-gelu", "tokenizer.json"), "utf8"));
const tokens = JSON.parse(readFileSync(fixture("quick-gelu", "tokens.json"), "utf8")) as {
  text: string;
  ids: number[];
}[];
const lines = [
  "#version: 0.2",
  ...small.model.merges.map((merge: string[]) => merge.join(" ")),
  "more than used",
];
const vocabSize = Object.keys(small.model.vocab).length;

function encodeOne(tokenizer: Tokenizer | undefined, text: string): number[] {
  return Array.from(tokenizer!.encode([text], { truncate: true }).toTypedArray(), Number);
}

/** A directory with a vocabulary file of this content. */
function directoryWith(content: string | Buffer): string {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, "bpe_simple_vocab_16e6.txt.gz"), content);
  return directory;
}

describe("readAssets", () => {
  it.each([
    ["packed", gzipSync(lines.join("\n"))],
    ["unpacked", lines.join("\r\n")],
  ])("makes a tokenizer of CLIP's vocabulary, %s", (_, content) => {
    const { tokenizer, files } = readAssets(directoryWith(content), { vocabSize, contextLength: 20 });
    for (const { text, ids } of tokens) expect(encodeOne(tokenizer, text), text).toEqual(ids);
    const written = JSON.parse(files.get("tokenizer.json")!.toString());
    expect(written.model.vocab).toEqual(small.model.vocab);
  });

  it("takes a tokenizer.json without a configuration", () => {
    const directory = temporaryDirectory();
    cpSync(fixture("quick-gelu", "tokenizer.json"), join(directory, "tokenizer.json"));
    expect(encodeOne(readAssets(directory).tokenizer, tokens[0]!.text)).toEqual(tokens[0]!.ids);
  });

  it.each([
    ["too few merges", lines.slice(0, 5).join("\n"), "expected 30 merges"],
    ["lines that are no merges", lines.join(" x\n"), "expected two tokens in line 2"],
    ["a broken archive", gzipSync(lines.join("\n")).subarray(0, 30), "cannot be unpacked"],
  ])("refuses %s", (_, content, message) => {
    const expected = message.replace("30", String(small.model.merges.length));
    expect(() => readAssets(directoryWith(content), { vocabSize })).toThrow(expected);
  });
});

const vocabulary = join(packageRoot, "..", "shared", "data", "clip", "bpe_simple_vocab_16e6.txt.gz");

const needsVocabulary = needs(
  existsSync(vocabulary),
  "no ../shared/data/clip/bpe_simple_vocab_16e6.txt.gz",
  "OpenAI's file, which is not part of the repository",
);

describe("OpenAI's vocabulary", needsVocabulary, () => {
  it("gives the ids of transformers", () => {
    const { tokenizer } = readAssets(temporaryDirectory(), { tokenizer: vocabulary });
    for (const { text, ids } of JSON.parse(
      readFileSync(fixture("clip-tokens.json"), "utf8"),
    ) as typeof tokens) {
      expect(encodeOne(tokenizer, text), text).toEqual(ids);
    }
  });
});
