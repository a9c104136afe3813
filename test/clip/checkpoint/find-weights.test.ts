import { cpSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadModel } from "../../../lib/clip/index.js";
import { safetensors } from "../../../lib/torch/index.js";
import { fixture, temporaryDirectory } from "../fixtures.js";

function copy(): string {
  const directory = temporaryDirectory();
  cpSync(fixture("gelu"), directory, { recursive: true });
  return directory;
}

/** The fixture's weights in two parts, with an index of a given name. */
function sharded(index: string): string {
  const directory = copy();
  const { tensors } = safetensors.load(fixture("gelu", "model.safetensors"));
  rmSync(join(directory, "model.safetensors"));
  const names = [1, 2].map((part) => `model-0000${part}-of-00002.safetensors`);
  const partOf = Array.from(tensors, ([key, tensor], i) => ({ key, tensor, name: names[i % 2]! }));
  for (const name of names) {
    const own = partOf.filter((each) => each.name === name);
    // The other part's first tensor lies here too, as after two savings with other sizes of parts.
    const stray = partOf.find((each) => each.name !== name)!;
    const all = [...own, { ...stray, tensor: stray.tensor.mul(2) }];
    safetensors.save(
      join(directory, name),
      all.map(({ key, tensor }) => [key, tensor] as const),
    );
  }
  const map = Object.fromEntries(partOf.map(({ key, name }) => [key, name]));
  writeFileSync(join(directory, index), JSON.stringify({ metadata: {}, weight_map: map }));
  return directory;
}

describe("weights in parts", () => {
  it.each(["model.safetensors.index.json", "model.safetensors.index.fp16.json"])(
    "are each tensor as %s says",
    (index) => {
      const state = loadModel(sharded(index)).stateDict();
      const { tensors } = safetensors.load(fixture("gelu", "model.safetensors"));
      for (const [key, tensor] of state) expect(tensor.equal(tensors.get(key)!), key).toBe(true);
    },
  );

  const [first, second] = [1, 2].map((part) => `model-0000${part}-of-00002.safetensors`) as [string, string];
  const ofPart = /part 1 of 2 of a model's weights: expected all of them\. Give the folder/;

  it.each([
    ["with an index", []],
    ["beside the others", ["model.safetensors.index.json"]],
    ["that lacks weights", ["model.safetensors.index.json", second]],
  ])("are not one part alone %s", (_, missing) => {
    const directory = sharded("model.safetensors.index.json");
    for (const name of missing) rmSync(join(directory, name));
    expect(() => loadModel(join(directory, first))).toThrow(ofPart);
  });

  it("are a part by its content: models of several epochs may be counted likewise", () => {
    const directory = copy();
    for (const name of [first, second]) cpSync(join(directory, "model.safetensors"), join(directory, name));
    expect(loadModel(join(directory, first)).config.embedDim).toBe(loadModel(directory).config.embedDim);
    writeFileSync(join(directory, second), "damaged");
    expect(loadModel(join(directory, first)).config.embedDim).toBe(loadModel(directory).config.embedDim);
  });

  it.each<[string, unknown]>([
    ["of something else", { vectors: 3 }],
    ["of files elsewhere", { weight_map: { weight: "other-00001-of-00002.safetensors" } }],
    ["that is no JSON object", []],
  ])("are the only file, also beside an index %s", (_, index) => {
    const directory = copy();
    rmSync(join(directory, "expected.safetensors"));
    renameSync(join(directory, "model.safetensors"), join(directory, "mine.safetensors"));
    writeFileSync(join(directory, "faiss.index.json"), JSON.stringify(index));
    expect(loadModel(directory).config.embedDim).toBe(loadModel(fixture("gelu")).config.embedDim);
    rmSync(join(directory, "mine.safetensors"));
    expect(() => loadModel(directory)).toThrow(/no weights of a CLIP model|is missing, which/);
  });
});

it("a snapshot of links, as in Hugging Face's cache, is a folder like others", () => {
  const [snapshot, blobs] = [temporaryDirectory(), copy()];
  for (const name of ["config.json", "model.safetensors"]) {
    renameSync(join(blobs, name), join(blobs, `blob-${name.length}`));
    symlinkSync(join(blobs, `blob-${name.length}`), join(snapshot, name));
  }
  expect(loadModel(snapshot).config.embedDim).toBe(loadModel(fixture("gelu")).config.embedDim);
});

it("a folder without weights tells of those that are meant perhaps", () => {
  const directory = temporaryDirectory();
  for (const name of ["checkpoint-10", "logs"]) mkdirSync(join(directory, name));
  for (const name of ["checkpoint-10/model.safetensors", "logs/events.txt", "flax_model.msgpack"]) {
    writeFileSync(join(directory, name), "");
  }
  expect(() => loadModel(directory)).toThrow(
    "found flax_model.msgpack, which are not read; some in the folders checkpoint-10. Give the path",
  );
});

it.each<[string, RegExp]>([
  ["model.safetensors", /: a pointer of Git LFS, .*: expected weights.* Run `git lfs pull`/],
  ["config.json", /config\.json: a pointer of Git LFS, .*: expected JSON\. Run `git lfs pull`/],
])("%s that is a pointer is told as such", (name, message) => {
  const directory = copy();
  writeFileSync(join(directory, name), "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
  expect(() => loadModel(directory)).toThrow(message);
});
