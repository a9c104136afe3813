import { expect, it } from "vitest";
import { explainFullDisk } from "../../lib/files/index.js";

it("tells path, size and the way on, whether Node or C++ found it", () => {
  const fromNode = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  const fromNative = new Error("writeArchive: /x: No space left on device");
  for (const error of [fromNode, fromNative, Object.assign(new Error("x"), { code: "EDQUOT" })]) {
    const told = explainFullDisk(error, "/runs/a.safetensors", { neededBytes: 3 * 2 ** 20 }) as Error;
    expect(told.message).toMatch(/^\/runs\/a\.safetensors: expected 3\.0 MiB .*disk is full.*run the same/);
    expect(told.cause).toBe(error);
  }
  const other = new Error("something else");
  expect(explainFullDisk(other, "/x", { neededBytes: 1 })).toBe(other);
});

it("says what to do where that is known better", () => {
  const error = Object.assign(new Error("EFBIG: file too large, write"), { code: "EFBIG" });
  expect((explainFullDisk(error, "/x.part", { advice: "Free some." }) as Error).message).toBe(
    "/x.part: expected space to write to, but the disk is full (EFBIG). Free some.",
  );
});
