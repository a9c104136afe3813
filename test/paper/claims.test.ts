import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from "vitest";
import { isClaimed, tryClaim } from "../../scripts/paper/claims.mjs";

const module = resolve(import.meta.dirname, "../../scripts/paper/claims.mjs");

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "codyra-claims-"));
  path = join(folder, "claims", "run");
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

/** A process that tries to claim, says whether it could, and then lives until it is ended. */
function startClaimant() {
  const code = `import { tryClaim } from ${JSON.stringify(module)};
    process.stdout.write(tryClaim(${JSON.stringify(path)}) ? "claimed" : "refused");
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code]);
  onTestFinished(() => void child.kill("SIGKILL"));
  const answer = new Promise<string>((done) => child.stdout.once("data", (text) => done(String(text))));
  const end = new Promise<string | null>((done) => child.on("close", (_code, signal) => done(signal)));
  return { child, answer, end };
}

async function race(count: number) {
  const claimants = Array.from({ length: count }, startClaimant);
  const answers = await Promise.all(claimants.map(({ answer }) => answer));
  return { claimants, winners: claimants.filter((_, i) => answers[i] === "claimed") };
}

it("one of several processes gets a claim; when it is killed, one of several others", async () => {
  const first = await race(4);
  expect(first.winners).toHaveLength(1);
  expect(isClaimed(path)).toBe(true);
  first.winners[0]!.child.kill("SIGKILL");
  await first.winners[0]!.end;
  expect(isClaimed(path)).toBe(false);
  const second = await race(4);
  expect(second.winners).toHaveLength(1);
  expect(readdirSync(join(folder, "claims")).toSorted()).toEqual(["run.1", "run.2"]);
});

it("a claim that is released can be had again", () => {
  const claim = tryClaim(path);
  expect(tryClaim(path)).toBeUndefined();
  claim?.release();
  expect(isClaimed(path)).toBe(false);
  const next = tryClaim(path);
  expect(isClaimed(path)).toBe(true);
  next?.release();
});

it("the owner of a claim that another one took over is told to end", async () => {
  const owner = startClaimant();
  expect(await owner.answer).toBe("claimed");
  writeFileSync(`${path}.2`, "{}");
  expect(await owner.end).toBe("SIGTERM");
});

it("a claim of another machine holds while it is touched, whatever the clocks say, and a minute longer", () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  const first = tryClaim(path);
  first?.release();
  writeFileSync(`${path}.2`, JSON.stringify({ machine: "elsewhere", pid: 1 }));
  const yesterday = (seconds: number) => new Date(Date.now() - 86_400_000 + 1000 * seconds);
  for (const seconds of [0, 50, 100]) {
    utimesSync(`${path}.2`, yesterday(seconds), yesterday(seconds));
    expect(tryClaim(path)).toBeUndefined();
    vi.advanceTimersByTime(50_000);
  }
  expect(tryClaim(path)).toBeUndefined();
  vi.advanceTimersByTime(11_000);
  tryClaim(path)?.release();
  expect(existsSync(`${path}.3`)).toBe(true);
});
