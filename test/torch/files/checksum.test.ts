import { createHash } from "node:crypto";
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
      codyra_checksum: "sha256",
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
      bytes.lastIndexOf('"codyra_sha256":"') + 3, // the key of the checksum itself
      bytes.indexOf('"codyra_checksum":"') + 3,
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

  it("of an earlier version, which has no mark beside it, is verified as well", () => {
    const path = join(folder, "earlier.safetensors");
    const text =
      '{"__metadata__":{"codyra_sha256":"HEX"},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} ';
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(text.length + 61));
    const file = (hex: string, value: number): Buffer =>
      Buffer.concat([length, Buffer.from(text.replace("HEX", hex)), Buffer.from([0, 0, value, 63])]);
    const sum = createHash("sha256")
      .update(file("0".repeat(64), 128))
      .digest("hex");
    writeFileSync(path, file(sum, 128));
    expect(safetensors.load(path).tensors.get("w")!.item()).toBe(1);
    writeFileSync(path, file(sum, 129));
    expect(() => safetensors.load(path)).toThrow(/SHA-256/);
  });

  it("without one is read as before", () => {
    const path = join(folder, "plain.safetensors");
    safetensors.save(path, [["w", ones([2])]]);
    expect(safetensors.load(path).metadata).toEqual({});
    const loaded = safetensors.load(write());
    safetensors.save(path, [["w", ones([2])]], loaded.metadata); // the checksum of another file
    expect(safetensors.load(path).metadata).toEqual({ note: '"sha256":"0"', format: "pt" });
  });
});
