import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it, vi } from "vitest";
import { isAbort, runNode } from "../../scripts/stress/child.mjs";
import { Counts, formatCounts } from "../../scripts/stress/counts.mjs";
import { mutate } from "../../scripts/stress/mutate.mjs";
import { Random } from "../../scripts/stress/random.mjs";

const original = Buffer.from('{"layers": 12, "name": "a"}'.repeat(8));

describe("npm run stress", () => {
  it("damages files as its seed says, and not the original", () => {
    const draw = (seed: number) => {
      const random = new Random(seed);
      return Array.from({ length: 50 }, () => mutate(original, random).toString("hex"));
    };
    const copy = Buffer.from(original);
    const first = draw(1);
    expect(draw(1)).toEqual(first);
    expect(draw(2)).not.toEqual(first);
    expect(new Set(first).size).toBeGreaterThan(45);
    expect(original.equals(copy)).toBe(true);
  });

  it("tells aborts from orderly ends", async () => {
    const end = async (program: string, options = {}) => runNode(["-e", program], options);
    expect(isAbort(await end("process.exit(1)"))).toBe(false);
    expect(isAbort(await end("process.abort()"))).toBe(true);
    expect(isAbort(await end("process.exit(139)"))).toBe(true);
    expect(isAbort({ code: 143, signal: null }, "SIGTERM")).toBe(false);
    expect(isAbort({ code: 143, signal: null }, undefined)).toBe(true);
    expect(isAbort({ code: null, signal: "SIGKILL" }, "SIGKILL")).toBe(false);
    expect(isAbort({ code: null, signal: "SIGSEGV" }, "SIGKILL")).toBe(true);
    expect(await end("setInterval(() => {}, 1000)", { quietMs: 300 })).toMatchObject({ isHanging: true });
  });

  it("is good only where something was tried and nothing found", () => {
    const counts = new Counts();
    expect(counts.isGood).toBe(false);
    counts.tried = 1200;
    expect(counts.isGood).toBe(true);
    const told = vi.spyOn(console, "error").mockImplementation(() => {});
    counts.find("hangs", "node x.mjs 7");
    expect(told).toHaveBeenCalledWith("  hangs: node x.mjs 7");
    told.mockRestore();
    expect(counts.isGood).toBe(false);
    expect(formatCounts([["files", counts, 2.4]])).toMatch(
      /tried .* aborts +hangs +wrong .*\nfiles +1,200 +0 +0 +1 +0 +2/,
    );
  });

  it("explains itself, and refuses kinds that it does not know", async () => {
    const stress = (...args: string[]) =>
      promisify(execFile)(process.execPath, [join(import.meta.dirname, "../../scripts/stress.mjs"), ...args]);
    expect((await stress("--help")).stdout).toMatch(/full-disk .*\n/);
    await expect(stress("files")).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining("expected kinds among wrong-calls, mutated-files"),
    });
  });
});
