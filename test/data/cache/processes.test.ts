import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, it } from "vitest";
import { temporaryFolder } from "../images.js";

const directory = temporaryFolder();
const script = join(import.meta.dirname, "load.mjs");

function start(name: string, count: number, ...options: number[]) {
  const child = spawn(process.execPath, [script, join(directory, name), ...[count, ...options].map(String)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  return { child, lines: createInterface({ input: child.stdout }) };
}

async function load(...args: Parameters<typeof start>): Promise<{ decoded: number; values: number[] }> {
  let last = "";
  for await (const line of start(...args).lines) last = line;
  return JSON.parse(last);
}

it("completes what a killed process left", async () => {
  const name = randomUUID();
  const { child, lines } = start(name, 200, 128);
  for await (const line of lines) {
    if (Number(line) >= 64) break;
  }
  child.kill("SIGKILL");
  await once(child, "close");
  expect(readdirSync(join(directory, name)).filter((name) => name.endsWith(".part"))).toHaveLength(1);

  const { decoded, values } = await load(name, 200);
  expect(decoded).toBeGreaterThan(0);
  expect(decoded).toBeLessThanOrEqual(200 - 64);
  expect(values).toEqual(Array.from({ length: 200 }, (_, value) => value));
  expect(readdirSync(join(directory, name)).filter((name) => name.endsWith(".part"))).toEqual([]);
  expect((await load(name, 200)).decoded).toBe(0);
});

it("lets processes load the same images at the same time", async () => {
  const name = randomUUID();
  const outcomes = await Promise.all([0, 1, 2].map(() => load(name, 100, Number.POSITIVE_INFINITY, 3)));
  for (const { decoded, values } of outcomes) {
    expect(decoded).toBe(100);
    expect(values).toEqual(Array.from({ length: 100 }, (_, value) => value));
  }
  const extensions = readdirSync(join(directory, name)).map((name) => name.split(".")[1]);
  expect(extensions.sort()).toEqual(["digests", "safetensors"]);
});
