import { writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { classifyCommand } from "../../../lib/cli/commands/classify.js";
import { temporaryFolder, writePicture } from "../../data/images.js";

const folder = temporaryFolder();
const broken = join(folder, "b-broken.png");
beforeAll(async () => {
  await writePicture(join(folder, "a.png"));
  writeFileSync(broken, "not a picture");
  await writePicture(join(folder, "deep/c.jpg"), { color: { r: 10, g: 200, b: 30 } });
});

const labels = ["--labels", "circle, square ,star"];

/** Runs the command: its output until it ended, and its error if it failed. */
async function codyraClassify(...args: string[]): Promise<{ stdout: string; error?: Error }> {
  const written = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  const command = classifyCommand()
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  const error = await command.parseAsync(args, { from: "user" }).then(
    () => undefined,
    (reason: Error) => reason,
  );
  const stdout = written.mock.calls.map(([text]) => text).join("");
  written.mockRestore();
  return { stdout, error };
}

describe("codyra classify", () => {
  it("prints an aligned line per prediction", async () => {
    const { stdout, error } = await codyraClassify(join(folder, "a.png"), ...labels, "--top", "2");
    expect(error).toBeUndefined();
    const [header, rule, first, second, end] = stdout.split("\n");
    expect(header).toMatch(/^Image +Label +%$/);
    expect(rule).toBe("─".repeat(header!.length));
    expect(first).toMatch(/a\.png {2}(circle|square|star) +\d+\.\d$/);
    expect(second).toMatch(/^ +(circle|square|star) +\d+\.\d$/);
    expect(first).toHaveLength(header!.length);
    expect(end).toBe("");
  });

  it("goes on after an image that cannot be read, and fails in the end", async () => {
    const { stdout, error } = await codyraClassify(folder, join(folder, "none.png"), ...labels, "--json");
    const results = JSON.parse(stdout);
    expect(results).toMatchObject([
      { path: join(folder, "none.png"), error: "there is no such file" },
      { path: join(folder, "a.png"), predictions: [{}, {}, {}] },
      { path: broken, error: expect.stringContaining("unsupported image format") },
      { path: join(folder, "deep/c.jpg"), predictions: [{}, {}, {}] },
    ]);
    const sum = results[1].predictions.reduce(
      (total: number, { probability }: { probability: number }) => total + probability,
      0,
    );
    expect(sum).toBeCloseTo(1, 5);
    expect(error?.name).toBe("Error"); // exit code 1
    expect(error?.message).toContain("got 2 that are not");
    expect(error?.message).toContain(`\n  ${broken}: `);
  });

  it("stops at the first that cannot be read when it is to be strict, with an array that is whole", async () => {
    const { stdout, error } = await codyraClassify(
      folder,
      ...labels,
      "--json",
      "--strict",
      "--batch-size",
      "1",
    );
    expect(JSON.parse(stdout).map(({ path }: { path: string }) => path)).toEqual([
      join(folder, "a.png"),
      broken,
    ]);
    expect(error?.message).toContain(`got 1 that are not`);
    const missing = await codyraClassify(folder, join(folder, "none.png"), ...labels, "--strict");
    expect(missing.error?.message).toContain("none.png: there is no such file");
    expect(missing.stdout).toBe("");
  });

  it("ends on Ctrl-C with an array that is whole", async () => {
    const ended = codyraClassify(folder, ...labels, "--json", "--batch-size", "1");
    const before = process.listenerCount("SIGINT");
    while (process.listenerCount("SIGINT") === before) await new Promise(setImmediate);
    process.emit("SIGINT");
    const { stdout, error } = await ended;
    expect(error?.name).toBe("AbortError");
    expect(JSON.parse(stdout).length).toBeLessThan(3);
  });

  it("prints a line of JSON per image, the same in any batches", async () => {
    const pattern = join(folder, "**/*.{jpg,png}");
    const lines = async (size: string) =>
      (await codyraClassify(pattern, ...labels, "--json-lines", "--batch-size", size)).stdout
        .trimEnd()
        .split("\n");
    const [one, many] = [await lines("1"), await lines("32")];
    expect(one.map((line) => JSON.parse(line).path)).toEqual([
      join(folder, "a.png"),
      broken,
      join(folder, "deep/c.jpg"),
    ]);
    for (const [i, line] of many.entries())
      expect(JSON.parse(line).predictions?.[0].label).toBe(JSON.parse(one[i]!).predictions?.[0].label);
  });

  it("reads labels from a file, a line each", async () => {
    const file = join(folder, "labels.txt");
    writeFileSync(file, "\uFEFFcircle\r\n\r\nblue, small square\r\n");
    const { stdout } = await codyraClassify(join(folder, "a.png"), "--labels-file", file, "--json");
    const found = JSON.parse(stdout)[0].predictions.map(({ label }: { label: string }) => label);
    expect(found.sort()).toEqual(["blue, small square", "circle"]);
  });

  it("reads labels that Windows saved, and refuses what it cannot read", async () => {
    const file = join(folder, "windows.txt");
    writeFileSync(file, "\uFEFFcircle\r\nrosé\r\n", "utf16le");
    const { stdout } = await codyraClassify(join(folder, "a.png"), "--labels-file", file, "--json");
    const found = JSON.parse(stdout)[0].predictions.map(({ label }: { label: string }) => label);
    expect(found.sort()).toEqual(["circle", "rosé"]);
    writeFileSync(file, "circle\r\nrosé\r\n", "latin1");
    const { error } = await codyraClassify(join(folder, "a.png"), "--labels-file", file);
    expect(error).toMatchObject({
      name: "UsageError",
      message: `--labels-file ${file}: expected text in UTF-8, got the byte 0xe9 at offset 11 in line 2. Save it as UTF-8.`,
    });
  });

  it("averages over repeated templates", async () => {
    const probability = async (...templates: string[]) => {
      const flags = templates.flatMap((template) => ["--template", template]);
      const { stdout } = await codyraClassify(join(folder, "a.png"), ...labels, ...flags, "--json");
      return JSON.parse(stdout)[0].predictions;
    };
    const [first, second] = ["a photo of a {}.", "a {} on a table"];
    const both = await probability(first!, second!);
    expect(both).not.toEqual(await probability(first!));
    expect(both).not.toEqual(await probability(second!));
  });

  it("refuses a label that is too long, unless it may be cut", async () => {
    const long = ["--labels", `circle,${"square ".repeat(100)}`, "--json"];
    const { error } = await codyraClassify(join(folder, "a.png"), ...long);
    expect(error?.message).toMatch(/^Text "a photo of a square .*": expected at most \d+ tokens.*--truncate/);
    const { stdout } = await codyraClassify(join(folder, "a.png"), ...long, "--truncate");
    expect(JSON.parse(stdout)[0].predictions).toHaveLength(2);
  });

  it("refuses labels that are the same once they are cut", async () => {
    const long = "square ".repeat(100);
    const args = ["--labels", `circle,${long}one,${long}two`, "--truncate"];
    const { error, stdout } = await codyraClassify(join(folder, "a.png"), ...args);
    expect(error).toMatchObject({ name: "UsageError" });
    expect(error?.message).toMatch(
      /^--labels: expected prompts that differ, got the same tokens for "square .*one" and "square .*two"\./,
    );
    expect(stdout).toBe("");
  });

  it("refuses labels that read the same to the tokenizer, from a file as well", async () => {
    const image = join(folder, "a.png");
    const { error, stdout } = await codyraClassify(image, "--labels", "Circle,square,circle");
    expect(error).toMatchObject({ name: "UsageError" });
    expect(error?.message).toMatch(
      /^--labels: expected prompts that differ, got the same tokens for "Circle" and "circle"\. Shorten or rename/,
    );
    expect(stdout).toBe("");
    const file = join(folder, "alike.txt");
    writeFileSync(file, "red  circle\nred circle\n");
    const listed = await codyraClassify(image, "--labels-file", file, "--template", "a {}");
    expect(listed.error?.message).toContain(`${file}: expected prompts that differ`);
  });

  it("turns photographs upright if asked", async () => {
    const photo = join(folder, "sideways.jpg");
    const drawing = Buffer.from(
      '<svg width="60" height="60"><path d="M30 5 L55 55 L5 55 Z" fill="red"/></svg>',
    );
    await sharp(drawing)
      .flatten({ background: "white" })
      .jpeg()
      .withMetadata({ orientation: 6 })
      .toFile(photo);
    const predictions = async (...flags: string[]) => {
      const { stdout } = await codyraClassify(photo, ...labels, "--json", ...flags);
      return JSON.parse(stdout)[0].predictions;
    };
    expect(await predictions("--orient")).not.toEqual(await predictions());
  });

  it("refuses images of more pixels than it is told, by name", async () => {
    const image = join(folder, "a.png");
    const flags = [image, ...labels, "--limit-input-pixels"];
    expect((await codyraClassify(...flags, "384", "--decode-timeout-seconds", "5")).error).toBeUndefined();
    const { error } = await codyraClassify(...flags, "383");
    expect(error?.message).toContain(
      `${image}: it has 24 × 16 = 384 pixels, and the limit is 383; raise it with limitInputPixels (--limit-input-pixels)`,
    );
    for (const wrong of ["0", "many"]) expect((await codyraClassify(...flags, wrong)).error).toBeDefined();
  });

  it("tells what it passes over in a folder", async () => {
    writeFileSync(join(folder, "deep/scan.heic"), "");
    const told = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    await codyraClassify(join(folder, "deep"), ...labels, "--json");
    const lines = told.mock.calls.map(([text]) => text);
    told.mockRestore();
    expect(lines).toContain("1 of 2 files was passed over: .heic (1). Convert .heic to JPEG to use them.\n");
  });

  it("gives the first labels of fp32 with bf16 and --confirm, and tells how many were close", async () => {
    const pictures = join(folder, "coloured");
    for (let i = 0; i < 24; i++) {
      const color = { r: (i * 53) % 256, g: (i * 97) % 256, b: (i * 151) % 256 };
      await writePicture(join(pictures, `${i}.png`), { color });
    }
    const told = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const firstLabels = async (...flags: string[]) => {
      const { stdout, error } = await codyraClassify(pictures, ...labels, "--json", ...flags);
      expect(error).toBeUndefined();
      return JSON.parse(stdout).map(
        ({ predictions }: { predictions: { label: string }[] }) => predictions[0]?.label,
      );
    };
    const exact = await firstLabels();
    expect(await firstLabels("--precision", "auto")).toEqual(exact);
    told.mockClear();
    expect(await firstLabels("--precision", "bf16", "--confirm")).toEqual(exact);
    const lines = told.mock.calls.map(([text]) => text);
    told.mockRestore();
    expect(lines).toContainEqual(
      expect.stringMatching(
        /^evaluated in bf16: [1-9]\d* of 24 images were close calls and encoded again, \d+ of them/,
      ),
    );
  });

  it.each<[string, string[], RegExp]>([
    ["--confirm without bf16", [...labels, "--confirm"], /expected --precision bf16/],
    ["no labels", [], /expected --labels or --labels-file, got neither/],
    ["both kinds of labels", [...labels, "--labels-file", "x"], /got both/],
    ["empty labels", ["--labels", " , "], /--labels: expected at least one label, got none/],
    ["a label twice", ["--labels", "cat,dog,cat"], /got 'cat' twice/],
    [
      "a label with a control character",
      ["--labels", "cat,do\u0007g"],
      /got 'do\\x07g' with a control character/,
    ],
    ["a label that lost a letter", ["--labels", "ros\ufffd"], /got 'ros\ufffd' with .* lost letter/],
    ["a file of labels that is not there", ["--labels-file", "/no/labels.txt"], /got ENOENT/],
    ["a template without {}", [...labels, "--template", "a photo"], /expected \{\} .* got 'a photo'/],
    ["two kinds of JSON", [...labels, "--json", "--json-lines"], /expected --json or --json-lines/],
  ])("refuses %s", async (_, args, message) => {
    const { stdout, error } = await codyraClassify(join(folder, "a.png"), ...args);
    expect(error).toMatchObject({ name: "UsageError", message: expect.stringMatching(message) });
    expect(stdout).toBe("");
  });

  it.each([
    ["--top", "0"],
    ["--top", "many"],
    ["--batch-size", "1.5"],
    ["--device", "gpu"],
  ])("refuses %s %s", async (...args) => {
    const { error } = await codyraClassify(join(folder, "a.png"), ...labels, ...args);
    expect(error).toMatchObject({ code: "commander.invalidArgument" });
  });
});
