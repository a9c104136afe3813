import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { explainFullDisk } from "../../lib/files/index.js";
import { appendEvent } from "../../lib/records/index.js";
import { needs } from "../needs.js";

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

it("is said once", () => {
  const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  const told = explainFullDisk(full, "/runs/inner");
  expect(explainFullDisk(told, "/runs/outer")).toBe(told);
});

const needsLinux = needs(process.platform === "linux", "no /dev/full", "run on Linux");

it("is told by a log that cannot grow", needsLinux, () => {
  const directory = mkdtempSync(join(tmpdir(), "codyra-full-"));
  try {
    symlinkSync("/dev/full", join(directory, "events.jsonl"));
    const path = join(directory, "events.jsonl");
    expect(() => appendEvent(directory, { kind: "task-end" })).toThrow(`${path}: expected 5`);
    expect(() => appendEvent(directory, { kind: "task-end" })).toThrow("the disk is full (ENOSPC)");
  } finally {
    rmSync(directory, { recursive: true });
  }
});
