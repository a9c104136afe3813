import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ones, randn, safetensors } from "../../../lib/torch/index.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "codyra-checksum-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("a file with a checksum", () => {
  const write = (): string => {
    const path = join(folder, "a.safetensors");
    const tensors = [["w", randn([40, 7])] as const, ["b", ones([3], { dtype: "bfloat16" })] as const];
    safetensors.save(path, tensors, { note: '"sha256":"0"', format: "pt" }, { checksum: true });
    return path;
  };

  it("is read, and is the same bytes again for the same tensors", () => {
    const path = write();
    const { tensors, metadata } = safetensors.load(path);
    expect(tensors.get("w")!.shape).toEqual([40, 7]);
    expect(metadata).toEqual({
      note: '"sha256":"0"',
      format: "pt",
      codyra_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    const copy = join(folder, "b.safetensors");
    safetensors.save(copy, tensors, { note: '"sha256":"0"', format: "pt" }, { checksum: true });
    expect(readFileSync(copy).equals(readFileSync(path))).toBe(true);
    expect(readdirSync(folder).sort()).toEqual(["a.safetensors", "b.safetensors"]);
  });

  it("is refused when any bit of data or metadata has changed", () => {
    const path = write();
    const bytes = readFileSync(path);
    const dataStart = 8 + Number(bytes.readBigUInt64LE());
    const places = [
      dataStart,
      dataStart + 500,
      bytes.length - 1,
      bytes.indexOf('"pt"') + 1,
      bytes.indexOf('"w"') + 1, // a name
      bytes.lastIndexOf('"codyra_sha256":"') + 20,
    ];
    for (const place of places) {
      const changed = Buffer.from(bytes);
      changed[place]! ^= 1;
      writeFileSync(path, changed);
      expect(() => safetensors.load(path), String(place)).toThrow(/a\.safetensors: .*(SHA-256|not a valid)/);
    }
    writeFileSync(path, bytes);
    expect(safetensors.load(path).tensors.size).toBe(2);
  });

  it("without one is read as before", () => {
    const path = join(folder, "plain.safetensors");
    safetensors.save(path, [["w", ones([2])]]);
    expect(safetensors.load(path).metadata).toEqual({});
  });
});
