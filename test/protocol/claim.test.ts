import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { outcome, temporaryFolder, tinyRun } from "./tiny-run.js";

const claimOf = (directory: string) => join(directory, "run.lock");

it("a second writer is refused, naming the first, and changes nothing", async () => {
  const [directory, alone] = [temporaryFolder(), temporaryFolder()];
  await tinyRun(alone);
  let refused: Promise<unknown> | undefined;
  const observer = {
    taskStarted() {
      refused ??= tinyRun(directory, { resume: true }).catch((error: Error) => error.message);
    },
  };
  await tinyRun(directory, { observer });
  expect(await refused).toMatch(
    new RegExp(
      `^${directory} is in use by process ${process.pid} on ${hostname()}, since \\d{4}-\\d\\d-\\d\\dT.*: ` +
        "expected one writer\\. Wait until it ends, or stop it",
    ),
  );
  expect(outcome(directory)).toEqual(outcome(alone));
  expect(existsSync(claimOf(directory))).toBe(false);
});

it("takes over the claim of a process that was killed", async () => {
  const directory = temporaryFolder();
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
  onTestFinished(() => void child.kill("SIGKILL"));
  const owner = { host: hostname(), pid: child.pid, id: "1", since: "2026-01-01T00:00:00.000Z" };
  writeFileSync(claimOf(directory), JSON.stringify(owner));
  await expect(tinyRun(directory)).rejects.toThrow(`in use by process ${child.pid} on ${hostname()}`);
  const exit = once(child, "exit");
  const [left, own] = [child.pid, process.pid].map((pid) => join(directory, `report.html.${pid}.tmp`));
  for (const path of [left!, own!]) writeFileSync(path, "{");
  child.kill("SIGKILL");
  await exit;
  expect((await tinyRun(directory)).matrix).toHaveLength(2);
  expect([left!, own!].map(existsSync), "what the dead one had begun is gone").toEqual([false, true]);
});

it.each([
  ["this process, of an earlier one", () => process.pid, {}],
  ["another process, of an earlier one", () => process.ppid, { started: "1" }],
])("takes over a claim with the number of %s", async (_, pid, more) => {
  const directory = temporaryFolder();
  writeFileSync(claimOf(directory), JSON.stringify({ host: hostname(), pid: pid(), id: "1", ...more }));
  expect((await tinyRun(directory)).matrix).toHaveLength(2);
  expect(existsSync(claimOf(directory))).toBe(false);
});

it("refuses where a process of another machine touches its claim", async () => {
  const directory = temporaryFolder();
  const touch = () =>
    writeFileSync(claimOf(directory), JSON.stringify({ host: "elsewhere", pid: 7, id: "1" }));
  touch();
  const beat = setInterval(touch, 300);
  onTestFinished(() => clearInterval(beat));
  await expect(tinyRun(directory)).rejects.toThrow("in use by process 7 on elsewhere, since an unknown time");
  expect(JSON.parse(readFileSync(claimOf(directory), "utf8"))).toMatchObject({ pid: 7 });
});
