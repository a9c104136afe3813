import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { checkCommand } from "../../../lib/cli/commands/check.js";
import { embedCommand } from "../../../lib/cli/commands/embed.js";
import { searchCommand } from "../../../lib/cli/commands/search.js";
import { readEmbeddings } from "../../../lib/embeddings/index.js";
import { UsageError } from "../../../lib/options/index.js";
import { temporaryFolder, writePicture } from "../../data/images.js";

const folder = temporaryFolder();
const colours = {
  red: { r: 230, g: 20, b: 20 },
  green: { r: 20, g: 200, b: 40 },
  blue: { r: 20, g: 40, b: 220 },
};
beforeAll(async () => {
  for (const [name, color] of Object.entries(colours)) {
    for (const i of [0, 1]) await writePicture(join(folder, "photos", name, `${i}.png`), { color });
  }
  writeFileSync(join(folder, "queries.txt"), "a photo of a star.\n\na photo of a circle.\n");
  const pairs = [
    "image,caption",
    "photos/red/0.png,a red thing",
    "photos/red/0.png,red",
    "photos/blue/1.png,blue",
  ];
  writeFileSync(join(folder, "pairs.csv"), pairs.join("\n"));
});

/** Runs a command: its output until it ended, and its error if it failed. */
async function outcomeOf(command: Command, ...args: string[]): Promise<{ stdout: string; error?: Error }> {
  const written = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  const said = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const error = await command
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .parseAsync(args, { from: "user" })
    .then(
      () => undefined,
      (reason: Error) => reason,
    );
  const stdout = written.mock.calls.map(([text]) => text).join("");
  for (const spy of [written, said]) spy.mockRestore();
  return { stdout, error };
}

const embed = (...args: string[]) => outcomeOf(embedCommand(), ...args);
const search = (...args: string[]) => outcomeOf(searchCommand(), ...args);
const check = (...args: string[]) => outcomeOf(checkCommand(), ...args);

describe("codyra embed and codyra search", () => {
  it("embed leaves out and names images of more pixels than it is told", async () => {
    const [index, photos] = [join(folder, "small.parquet"), join(folder, "photos/red")];
    const { stdout, error } = await embed("--to", index, photos, "--limit-input-pixels", "383");
    expect(stdout).toBe("");
    expect(error?.message).toContain("0.png: it has 24 × 16 = 384 pixels, and the limit is 383; raise it");
    expect((await embed("--to", index, photos, "--limit-input-pixels", "384")).stdout).toBe(`${index}\n`);
  });

  it("make a file of vectors of a folder, and find an image among them by itself", async () => {
    const index = join(folder, "photos.parquet");
    const { stdout, error } = await embed("--to", index, join(folder, "photos"));
    expect(error).toBeUndefined();
    expect(stdout).toBe(`${index}\n`);
    const { info, items, vectors } = await readEmbeddings(index);
    vectors.dispose();
    expect(info).toMatchObject({ kind: "images", model: "miniature" });
    expect(items.map(({ label }) => label)).toEqual(["blue", "blue", "green", "green", "red", "red"]);

    const green = join(folder, "photos/green/1.png");
    const found = await search(
      "--index",
      index,
      "--image",
      green,
      "--top",
      "3",
      "--json",
      "a photo of a star.",
    );
    expect(found.error).toBeUndefined();
    const [byText, byImage] = JSON.parse(found.stdout);
    expect(byText).toMatchObject({ query: "a photo of a star." });
    expect(byText.results).toHaveLength(3);
    expect(byImage.query).toBe(green);
    expect(byImage.results.slice(0, 2).map(({ label }: { label: string }) => label)).toEqual([
      "green",
      "green",
    ]);
    expect(byImage.results[0].score).toBeCloseTo(1, 4);
    const printed = await search("--index", index, "blue", "--top", "1");
    expect(printed.stdout).toMatch(/^blue\n {2}-?0\.\d{3} {2}(red|green|blue) {2}\S+\.png\n$/);
  });

  it("search by an index that lies beside the file when told to, and from then on", async () => {
    const index = join(folder, "indexed.safetensors");
    await embed("--to", index, join(folder, "photos"));
    const image = join(folder, "photos/red/0.png");
    const args = ["--index", index, "--image", image, "--json"];
    const results = async (...more: string[]) => {
      const { stdout, error } = await search(...args, ...more);
      expect(error).toBeUndefined();
      // Without names: images of one colour are equally near.
      const found = JSON.parse(stdout)[0].results as { label: string; score: number }[];
      return found.map(({ label, score }) => ({ label, score }));
    };
    const exact = await results();
    expect(existsSync(`${index}.usearch`)).toBe(false);
    const close = exact.map((found) => ({ ...found, score: expect.closeTo(found.score, 3) }));
    expect(await results("--approximate")).toEqual(close);
    expect(existsSync(`${index}.usearch`)).toBe(true);
    expect(await results()).toEqual(close);
    expect(await results()).not.toEqual(exact); // scores of the index are rounded
    expect(await results("--exact")).toEqual(exact);
    const both = await search(...args, "--exact", "--approximate");
    expect(both.error?.message).toContain("expected --exact or --approximate, got both");
  });

  it("reads texts that Windows saved, and refuses what it cannot read", async () => {
    const [texts, to] = [join(folder, "windows.txt"), join(folder, "windows.npy")];
    writeFileSync(texts, "\ufeffstar\r\nrosé\r\n", "utf16le");
    expect((await embed("--to", to, "--texts", texts)).error).toBeUndefined();
    expect(readFileSync(join(folder, "windows.csv"), "utf8")).toContain("rosé");
    writeFileSync(texts, "star\nrosé\n", "latin1");
    const { error } = await embed("--to", to, "--texts", texts);
    expect(error?.message).toMatch(/^--texts .*windows\.txt: expected text in UTF-8, got the byte 0xe9/);
  });

  it("search with another model only when told to", async () => {
    const index = join(folder, "v.npy");
    expect((await embed("--to", index, "--texts", join(folder, "queries.txt"))).error).toBeUndefined();
    const args = ["--index", index, "--model", "miniature-v2", "star"];
    expect((await search(...args)).error?.message).toContain(
      "expected vectors of miniature-v2, got those of miniature",
    );
    const { stdout, error } = await search(...args, "--any-model");
    expect(error).toBeUndefined();
    expect(stdout).toContain("a photo of a circle.");
  });

  it("tell what cannot be read at the end, or stop there", async () => {
    const broken = join(folder, "broken.png");
    writeFileSync(broken, "no picture");
    const args = [join(folder, "photos/red/0.png"), broken, join(folder, "none.png")];
    const { stdout, error } = await embed("--to", join(folder, "some.npy"), "--json", ...args);
    expect(JSON.parse(stdout)).toMatchObject({ rows: 1, unreadable: [{ name: args[2] }, { name: broken }] });
    expect(error?.message).toContain("got 2 that are not");
    const strict = await embed("--to", join(folder, "strict.npy"), "--strict", args[0] as string, broken);
    expect(strict.error?.message).toContain(broken);
    expect(readdirSync(folder)).not.toContain("strict.npy");
  });

  it("refuse no input, both kinds of it, and no query", async () => {
    expect((await embed("--to", "v.npy")).error?.message).toContain(
      "expected images or --texts, got neither",
    );
    expect((await embed("--to", "v.npy", "--texts", "t.txt", "a.png")).error?.message).toContain("got both");
    expect((await search("--index", "v.npy")).error?.message).toContain("expected a text or --image");
  });
});

describe("codyra check", () => {
  const config = join(folder, "guard.yaml");
  const write = (limits: string) =>
    writeFileSync(
      config,
      `datasets: [{ name: colours, root: photos }]
retrieval: { pairs: pairs.csv }
index: { images: [photos], queries: queries.txt }
limits: ${limits}
`,
    );

  it("keeps all limits where nothing changed", async () => {
    write("{ accuracyDrop: 0, recallDrop: 0, neighboursKept: 1, cosine: 0.999, sizeRatio: 1 }");
    const { stdout, error } = await check("miniature", "--against", "miniature", "--config", config);
    expect(error).toBeUndefined();
    expect(stdout).toMatch(/accuracy +colours +\d+\.\d % +\d+\.\d % +−0\.0 +ok/);
    expect(stdout).toContain("Keep the index: new queries find 100.0 %");
    expect(stdout).toContain("No limit is broken.");
  });

  it("fails naming the limits that an update breaks", async () => {
    write("{ cosine: 0.99, sizeRatio: 1 }");
    const report = join(folder, "check.html");
    const args = ["miniature-v2", "--against", "miniature", "--config", config];
    const { stdout, error } = await check(...args, "--json", "--report", report);
    expect(readFileSync(report, "utf8")).toMatch(
      /<title>miniature-v2 against miniature<.*cosine index vectors/s,
    );
    const { measures, isBroken, drift } = JSON.parse(stdout);
    expect(isBroken).toBe(true);
    const kinds = measures.map(({ kind }: { kind: string }) => kind);
    expect(new Set(kinds)).toEqual(
      new Set(["accuracy", "image-to-text", "text-to-image", "neighbours", "cosine", "size", "time"]),
    );
    expect(measures.filter((each: { isBroken: boolean }) => each.isBroken)).toMatchObject([
      { kind: "cosine", before: 1 },
    ]);
    expect(drift.cosine.index).toBeLessThan(0.99);
    expect(error?.message).toContain("breaks 1: cosine index vectors");
    expect(error, "exit code 1").not.toBeInstanceOf(UsageError);
  });

  it("tells apart limits that are broken and what it cannot tell, before it measures", async () => {
    write("{}");
    const known = ["miniature", "--against", "miniature", "--config", config];
    const missing = await check("nowhere", ...known.slice(1));
    expect(missing.error, "exit code 2").toBeInstanceOf(UsageError);
    const { stdout, error } = await check(...known, "--report", folder);
    expect([stdout, error?.message]).toEqual([
      "",
      `--report ${folder}: expected a file to write, got a folder. Name a file in it.`,
    ]);
    writeFileSync(config, "index: { images: [photos] }\n");
    const { message } = (await check(...known)).error as Error;
    expect(message).toContain("index.queries: expected a text file with a query on each line");
  });

  it("refuses a configuration that measures nothing, or has unknown limits", async () => {
    writeFileSync(config, "limits: { accuracyDrop: 1 }\n");
    const args = ["miniature", "--against", "miniature", "--config", config];
    expect((await check(...args)).error?.message).toContain(
      "expected datasets, holdOuts, retrieval or index",
    );
    writeFileSync(config, "index: { images: [photos], queries: queries.txt }\nlimits: { accuracyDorp: 1 }\n");
    expect((await check(...args)).error?.message).toContain("accuracyDorp");
    expect(
      (await check("miniature", "--against", "miniature", "--config", "none.yaml")).error?.message,
    ).toContain("ENOENT");
  });
});
