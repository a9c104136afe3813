import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { numericalTests, processorFlags, settings } from "../../scripts/test/processors.mjs";
import { Sandbox } from "./sandbox.js";

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = new Sandbox();
});
afterEach(() => sandbox[Symbol.dispose]());

test("every setting has a name and a number of threads of its own", () => {
  expect(new Set(settings.map(({ name }) => name)).size).toBe(settings.length);
  for (const { name, environment } of settings) expect(name).toMatch(`-${environment.CODYRA_TEST_THREADS}`);
});

test("the flags of a processor are those that Linux tells, and none elsewhere", () => {
  const file = sandbox.write(
    "cpuinfo",
    "processor\t: 0\nflags\t\t: fpu avx2 fma\nbugs\t\t: none\n\nflags\t\t: fpu\n",
  );
  expect([...processorFlags(file)]).toEqual(["fpu", "avx2", "fma"]);
  expect(processorFlags(join(sandbox.folder, "nowhere")).size).toBe(0);
});

test("the numerical tests are where they are looked for", () => {
  const root = join(import.meta.dirname, "../..");
  for (const filter of numericalTests) {
    const path = filter.replace(/^--exclude=/, "").replace("/**", "");
    expect(existsSync(join(root, path)), filter).toBe(true);
  }
});

test("settings that do not exist are refused with those that do", async () => {
  const { code, output } = await sandbox.run({}, ["scripts/test-cpus.mjs", "sse9-1"]);
  expect(code).toBe(2);
  expect(output).toMatch(/^test:cpus: expected settings among default-1, .*, got sse9-1\. See --help\.\n$/);
});

test("--help lists the settings", async () => {
  const { code, output } = await sandbox.run({}, ["scripts/test-cpus.mjs", "--help"]);
  expect(code).toBe(0);
  for (const { name, summary } of settings)
    expect(output).toMatch(new RegExp(`^ +${name} +${summary}$`, "m"));
});
