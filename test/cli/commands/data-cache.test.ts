import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { dataCacheCommand } from "../../../lib/cli/commands/data-cache.js";
import { ImageCache, loadImages } from "../../../lib/data/index.js";
import { examples, fill } from "../../data/examples.js";

const folder = mkdtempSync(join(tmpdir(), "codyra-data-cache-"));
const directory = join(folder, "codyra/images");
const cache = new ImageCache(directory);

beforeEach(() => void vi.stubEnv("XDG_CACHE_HOME", folder));
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  rmSync(directory, { recursive: true, force: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function codyraDataCache(...args: string[]): Promise<string> {
  const written = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  const command = dataCacheCommand()
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  await command.parseAsync(args, { from: "user" });
  const text = written.mock.calls.map(([chunk]) => chunk).join("");
  written.mockRestore();
  return text;
}

async function fillCache(): Promise<void> {
  for (const [name, count] of [
    ["flowers train", 5],
    ["pets test", 7],
  ] as const) {
    (await loadImages(examples(count), fill(), { cache, name })).dispose();
  }
}

describe("codyra data cache", () => {
  it("shows what is there", async () => {
    expect(await codyraDataCache()).toBe(`Nothing in ${directory}.\n`);
    await fillCache();
    const text = await codyraDataCache();
    expect(text).toMatch(/^Name +Images +Transform +MiB +Last use\n/);
    expect(text).toMatch(/^pets test +7 +fill +0\.0 +20\d\d-\d\d-\d\d \d\d:\d\d$/m);
    expect(text).toMatch(/^flowers train +5 +fill +0\.0 /m);
    expect(text.trimEnd().split("\n").at(-1)).toBe(`0.0 MiB in ${directory}`);
  });

  it("prints JSON", async () => {
    await fillCache();
    const result = JSON.parse(await codyraDataCache("--json"));
    expect(result.directory).toBe(directory);
    expect(result.lists).toHaveLength(2);
    expect(result.lists[0]).toMatchObject({
      name: "pets test",
      transform: "fill",
      count: 7,
      isComplete: true,
    });
    expect(Date.parse(result.lists[0].lastUse)).toBeGreaterThan(Date.now() - 60_000);
    expect(result.bytes).toBe(result.lists[0].bytes + result.lists[1].bytes);
    expect(JSON.parse(await codyraDataCache("--older-than", "1", "--json")).lists).toEqual([]);
  });

  it("clears only what it made, and only what is old when asked", async () => {
    await fillCache();
    mkdirSync(join(directory, "sub"));
    writeFileSync(join(directory, "notes.txt"), "mine");
    expect(await codyraDataCache("--clear", "--older-than", "1")).toBe(`Freed 0.0 MiB in ${directory}.\n`);
    expect(await cache.list()).toHaveLength(2);
    const { freedBytes, beingWritten } = JSON.parse(await codyraDataCache("--clear", "--json"));
    expect(freedBytes).toBeGreaterThan(0);
    expect(beingWritten).toBe(0);
    expect(await cache.list()).toEqual([]);
    writeFileSync(join(directory, "notes.txt"), "still there", { flag: "r+" });
  });

  it.each([[["--older-than", "soon"]], [["--older-than", "-1"]], [["pets"]], [["--colour"]]])(
    "refuses the usage %j",
    async (args) => {
      await expect(codyraDataCache(...args)).rejects.toMatchObject({
        name: expect.stringMatching(/CommanderError|InvalidArgumentError/),
      });
    },
  );
});
