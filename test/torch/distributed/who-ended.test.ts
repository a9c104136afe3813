import { hostname } from "node:os";
import { expect, it } from "vitest";
import { startRanks } from "./ranks.js";

interface Told {
  readonly name: string;
  readonly message: string;
}

it.each([0, 1])("a killed rank %i is named by the others", { timeout: 60_000 }, async (victim) => {
  const ranks = await startRanks("ends.mjs", 3, ["killed"]);
  await Promise.all(ranks.map(({ printed }) => printed("going")));
  const began = performance.now();
  ranks[victim]?.kill("SIGKILL");
  const others = await Promise.all(ranks.filter((_, rank) => rank !== victim).map(({ ended }) => ended));
  expect(performance.now() - began).toBeLessThan(10_000); // 5 s on a machine that does nothing else
  for (const { code, stdout, stderr } of others) {
    expect(code).toBe(0);
    expect(stderr, "no C++ stack of c10d").not.toContain("frame #");
    const { message } = JSON.parse(stdout.trimEnd().split("\n").at(-1) as string) as Told;
    expect(message).toContain(`ank ${victim} on ${hostname()} (process ${ranks[victim]?.pid})`);
    expect(message).not.toContain("\n");
  }
});

it.each([
  ["fails", "Error", "failed: the disk is full: expected 3 processes"],
  ["stops", "AbortError", "was stopped: stopped by SIGINT"],
])("a rank that %s says why", { timeout: 60_000 }, async (way, name, said) => {
  const ranks = await startRanks("ends.mjs", 3, [way]);
  const ended = await Promise.all(ranks.map((rank) => rank.ended));
  const told = ended.map(({ stdout }) => JSON.parse(stdout.trimEnd().split("\n").at(-1) as string) as Told);
  for (const rank of [0, 2]) {
    expect(told[rank]?.name).toBe(name);
    expect(told[rank]?.message).toContain(`Rank 1 on ${hostname()} (process ${ranks[1]?.pid}) ${said}`);
  }
});
