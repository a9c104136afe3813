import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { dataCheckCommand } from "../../../lib/cli/commands/data-check.js";
import { temporaryFolder, writePicture } from "../../data/images.js";

const root = temporaryFolder();
const config = join(root, "shop.yaml");

beforeAll(async () => {
  const pictures = [
    "dtd/images/striped/1.jpg",
    "eurosat/2750/River/1.jpg",
    "shop/cat/1.png",
    "shop/cat/2.png",
  ];
  for (const name of pictures) await writePicture(join(root, name));
  const splitOf = (...images: string[]) => {
    const part = images.map((image) => [image, 0, image.split("/")[0]]);
    return JSON.stringify({ train: part, val: [], test: part });
  };
  writeFileSync(join(root, "dtd/split_zhou_DescribableTextures.json"), splitOf("striped/1.jpg"));
  const gone = Array.from({ length: 7 }, (_, i) => `River/gone-${i}.jpg`);
  writeFileSync(join(root, "eurosat/split_zhou_EuroSAT.json"), splitOf("River/1.jpg", ...gone));
  writeFileSync(config, "datasets:\n  - { name: shop, root: shop }\n");
});
afterEach(() => {
  process.exitCode = undefined;
});

/** Runs the command: its stdout, its exit code, and its error if it failed. */
async function dataCheck(...args: string[]) {
  const written = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  const progress = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const command = dataCheckCommand()
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  const error = await command.parseAsync(args, { from: "user" }).then(
    () => undefined,
    (reason: Error) => reason,
  );
  const stdout = written.mock.calls.map(([text]) => text).join("");
  written.mockRestore();
  progress.mockRestore();
  return { stdout, code: process.exitCode, error };
}

describe("codyra data check", () => {
  it("reports a dataset that is ready, with what differs from the published one", async () => {
    const { stdout, code } = await dataCheck("--root", root, "dtd");
    expect(stdout).toMatch(/^Dataset +Layout +Classes +Train +Validation +Test +Status\n─+\n/);
    expect(stdout).toMatch(/^dtd +CoOp +1 of 47 +1 of 2820 +0 of 1128 +1 of 1692 +ready$/m);
    expect(stdout).toContain("\ndtd\n  dtd: expected 47 classes, got 1.\n");
    expect(code).toBe(0);
  });

  it("counts all missing images and lists the first five", async () => {
    const { stdout, code } = await dataCheck("--root", root, "eurosat");
    expect(stdout).toMatch(/^eurosat .* unusable$/m);
    expect(stdout).toContain("  14 missing images; the first 5:\n");
    expect(stdout.match(/gone-\d\.jpg: is not there/g)).toHaveLength(5);
    expect(code).toBe(1);
  });

  it("looks for all datasets when none is named, and missing ones do no harm", async () => {
    const { stdout, code } = await dataCheck("--root", root);
    expect(stdout.match(/^\w+ .* (ready|missing|unusable)$/gm)).toHaveLength(13);
    expect(stdout).toMatch(/^mnist +– +– +– +– +– +missing$/m);
    expect(stdout).not.toContain("MNIST/raw");
    expect(code).toBe(1); // eurosat
  });

  it("a dataset that was named has to be there, and where it was looked for is told", async () => {
    const { stdout, code } = await dataCheck("--root", root, "mnist");
    expect(stdout).toContain(join(root, "MNIST/raw"));
    expect(code).toBe(1);
  });

  it("prints JSON", async () => {
    const { stdout, code } = await dataCheck("--root", root, "dtd", "mnist", "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      datasets: [
        { name: "dtd", status: "ready", counts: { train: 1 }, images: { missing: { count: 0, first: [] } } },
        { name: "mnist", status: "missing" },
      ],
    });
    expect(code).toBe(1);
  });

  it("decodes when asked to", async () => {
    const folder = join(root, "damaged/dtd/images/striped");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "1.jpg"), "not a picture");
    const split = JSON.stringify({
      train: [["striped/1.jpg", 0, "striped"]],
      val: [],
      test: [["striped/1.jpg", 0, "striped"]],
    });
    writeFileSync(join(root, "damaged/dtd/split_zhou_DescribableTextures.json"), split);
    const damaged = ["--root", join(root, "damaged"), "dtd"];
    expect((await dataCheck(...damaged)).code).toBe(0);
    const { stdout, code } = await dataCheck(...damaged, "--decode");
    expect(stdout).toMatch(/2 unreadable images:\n.*striped\/1\.jpg: .*unsupported image format/);
    expect(code).toBe(1);
  });

  it("decodes within the limits of the configuration, over which flags go", async () => {
    const limited = join(root, "limited.yaml");
    writeFileSync(limited, "datasets:\n  - { name: shop, root: shop, split: 0.5 }\nlimitInputPixels: 383\n");
    const { stdout, code } = await dataCheck("--config", limited, "--decode");
    expect(stdout).toMatch(
      /2 unreadable images:\n.*1\.png: it has 24 × 16 = 384 pixels, and the limit is 383/,
    );
    expect(code).toBe(1);
    process.exitCode = undefined;
    expect((await dataCheck("--config", limited, "--decode", "--limit-input-pixels", "384")).code).toBe(0);
    const ofPaper = await dataCheck("--root", root, "dtd", "--decode", "--limit-input-pixels", "1");
    expect(ofPaper.stdout).toContain("2 unreadable images");
  });

  it("checks datasets of the paper and images of any kind in a configuration", async () => {
    const rows = ["cat/1.png,cat,train", "cat/2.png,cat,test", "cat/gone.png,cat,test"];
    writeFileSync(join(root, "shop/list.csv"), ["image,label,split", ...rows, ""].join("\n"));
    const mixed = join(root, "mixed.yaml");
    writeFileSync(mixed, "data: .\ndatasets:\n  - dtd\n  - { name: list, manifest: shop/list.csv }\n");
    const { stdout, code } = await dataCheck("--config", mixed);
    expect(stdout).toMatch(/^dtd +CoOp +1 +1 +0 +1 +ready$/m);
    expect(stdout).toMatch(/^list +– +1 +1 +0 +2 +unusable$/m);
    expect(stdout).toMatch(/1 missing image:\n.*gone\.png: is not there/);
    expect(code).toBe(1);
  });

  it("warns of classes that cannot be told apart, as a run does", async () => {
    const twice = join(root, "twice.yaml");
    const rows = ["cat/1.png,A,train", "cat/2.png,A,test"];
    writeFileSync(join(root, "shop/twice.csv"), ["image,label,split", ...rows, ""].join("\n"));
    const entry = (name: string, label: string) =>
      `  - { name: ${name}, manifest: shop/twice.csv, classes: { A: ${label} } }\n`;
    const datasets = `datasets:\n${entry("one", "red cat")}${entry("two", "Red cat")}`;
    writeFileSync(twice, `protocol: x-tail\n${datasets}`);
    const warning = "Class names in more than one dataset cannot be told apart by name: Red cat.";
    expect((await dataCheck("--config", twice)).stdout).toMatch(new RegExp(`ready\n(.*\n)*\n${warning}\n$`));
    expect(JSON.parse((await dataCheck("--config", twice, "--json")).stdout).warnings).toEqual([warning]);
    writeFileSync(twice, `protocol: mtil\n${datasets}`); // where each is alone with its one class
    expect(JSON.parse((await dataCheck("--config", twice, "--json")).stdout).warnings).toEqual([
      expect.stringMatching(/^one has one class \(red cat\) and no other competes with it/),
      expect.stringMatching(/^two has one class/),
    ]);
  });

  it("checks the datasets of a configuration", async () => {
    const { stdout, code } = await dataCheck("--config", config);
    expect(stdout).toMatch(/^shop +– +1 +1 +0 +1 +ready$/m);
    expect(stdout).toContain("80 % of each class for training, seed 0");
    expect(code).toBe(0);
    rmSync(join(root, "shop"), { recursive: true });
    const broken = await dataCheck("--config", config);
    expect(broken.stdout).toContain("Dataset shop: expected a folder at");
    expect(broken.code).toBe(1);
  });

  it.each<[string, string[], RegExp]>([
    ["neither root nor configuration", [], /expected --root or --config, got neither/],
    ["both", ["--root", root, "--config", config], /got both/],
    ["datasets with a configuration", ["--config", config, "dtd"], /expected --config alone/],
    ["an unknown dataset", ["--root", root, "dtd", "cifar10"], /got cifar10\. .*--config/],
  ])("refuses %s", async (_, args, message) => {
    const { error, stdout } = await dataCheck(...args);
    expect(error).toMatchObject({ name: "UsageError", message: expect.stringMatching(message) });
    expect(stdout).toBe("");
  });

  it("fails on a root that is not there", async () => {
    const { error } = await dataCheck("--root", join(root, "none"));
    expect(error).toMatchObject({
      name: "Error",
      message: expect.stringMatching(/none: expected the folder/),
    });
  });
});
