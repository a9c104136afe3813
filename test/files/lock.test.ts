import { existsSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { withLock } from "../../lib/files/index.js";
import { temporaryFolder } from "../protocol/tiny-run.js";

/** Time passes only where a lock is waited for, at once. */
const clock = vi.hoisted(() => ({ nowMs: 0, slept: () => {} }));
vi.mock("node:timers/promises", () => ({
  async setTimeout(delayMs: number) {
    clock.nowMs += delayMs;
    clock.slept();
  },
}));

it("waits for a lock of another machine while it is touched, and breaks it when it is not", async () => {
  vi.spyOn(performance, "now").mockImplementation(() => clock.nowMs);
  const path = join(temporaryFolder(), "file");
  const lock = `${path}.lock`;
  writeFileSync(lock, JSON.stringify({ host: `not-${hostname()}`, pid: 1, id: "1" }));
  const touchedUntilMs = 60_000;
  clock.slept = () => {
    if (clock.nowMs <= touchedUntilMs) utimesSync(lock, clock.nowMs / 1000, clock.nowMs / 1000);
  };
  await withLock(path, async () => {});
  expect(clock.nowMs).toBeGreaterThan(touchedUntilMs + 15_000);
  expect(clock.nowMs).toBeLessThan(touchedUntilMs + 16_000);
  expect(existsSync(lock)).toBe(false);
});

it.each([true, false])("tells of a long wait, by itself where nothing else does: %s", async (isSilent) => {
  vi.spyOn(performance, "now").mockImplementation(() => clock.nowMs);
  const written = vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  const path = join(temporaryFolder(), "file");
  const lock = `${path}.lock`;
  writeFileSync(lock, JSON.stringify({ host: "elsewhere", pid: 7, id: "1" }));
  const began = clock.nowMs;
  let toldAfterMs: number | undefined;
  clock.slept = () => {
    if (written.mock.calls.length > 0) toldAfterMs ??= clock.nowMs - began;
  };
  const onWait = vi.fn();
  const refuse = () => new Error("in use");
  await withLock(path, async () => {}, { refuse, ...(isSilent ? {} : { onWait }) });
  const text =
    `codyra: waits for ${lock}, the lock of process 7 on elsewhere. It is taken over once nothing has touched it for 15 seconds. ` +
    "If that process has ended, remove the file.\n";
  expect(written.mock.calls).toEqual(isSilent ? [[text]] : []);
  expect(onWait.mock.calls).toEqual(isSilent ? [] : [[lock]]);
  if (isSilent) expect(toldAfterMs).toBeLessThan(4000);
  vi.restoreAllMocks();
});
