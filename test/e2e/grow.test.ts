import { cpSync, existsSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { codyra, needsRealImages, realImages, realStream, temporaryFolder, writeConfig } from "./cli.js";

const read = (...path: string[]) => readFileSync(join(...path), "utf8");

/** The photographs of a stream, copied: flowers and satellite, with paths below a folder. */
function copiedStream(folder: string, data: string, overrides: Record<string, unknown> = {}) {
  const { datasets, ...rest } = realStream(overrides);
  const used = datasets.filter(({ name }) => name !== "mnist");
  for (const { name } of used) {
    const copy = join(folder, data, name);
    if (!existsSync(copy)) cpSync(join(realImages, name), copy, { recursive: true });
  }
  return { ...rest, datasets: used.map((entry) => ({ ...entry, root: join(folder, data, entry.name) })) };
}

describe("a stream that grows", needsRealImages, () => {
  it("ends in the files of the run that had all datasets, by --resume and by codyra learn", async () => {
    const folder = temporaryFolder();
    const { datasets, ...rest } = realStream();
    const [whole, grown] = [join(folder, "whole"), join(folder, "grown")];
    const run = async (directory: string, count: number, ...more: string[]) => {
      const config = writeConfig(folder, { ...rest, datasets: datasets.slice(0, count) });
      return codyra("run", "--config", config, "--output", directory, ...more);
    };
    expect(await run(whole, 3)).toMatchObject({ code: 0 });
    expect(await run(grown, 1)).toMatchObject({ code: 0 });
    expect(await run(grown, 2, "--resume")).toMatchObject({ code: 0 });
    const { name, root, template, classes } = datasets[2]!;
    const given = ["--dataset", name, "--root", root, "--template", template, "--classes", ...classes];
    const learned = await codyra("learn", "--run", grown, ...given);
    expect(learned.code, learned.stderr).toBe(0);
    for (const file of ["matrix.json", "ranks.json"]) expect(read(grown, file)).toBe(read(whole, file));
    expect(learned.stdout).toContain("Transfer (%)");

    const again = await codyra("learn", "--run", grown, ...given);
    expect(again.code, again.stderr).toBe(0);
    expect(read(grown, "matrix.json")).toBe(read(whole, "matrix.json"));

    const known = await codyra("learn", "--run", grown, "--dataset", "flowers", "--root", root);
    expect(known).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(
        "flowers: expected a dataset that the run does not have yet, but it is number 1",
      ),
    });
  });

  it("goes on where its data has moved, and says which images are others", async () => {
    const folder = temporaryFolder();
    const output = ["--output", join(folder, "run")];
    const options = { ...realStream().options, iterations: 2 };
    const before = writeConfig(folder, copiedStream(folder, "a", { shots: null, options }));
    const first = await codyra("run", "--config", before, ...output);
    expect(first.code, first.stderr).toBe(0);
    renameSync(join(folder, "a"), join(folder, "b"));
    const after = writeConfig(folder, copiedStream(folder, "b", { shots: null, options }));
    const moved = await codyra("run", "--config", after, ...output, "--resume");
    expect(moved.code, moved.stderr).toBe(0);
    const [{ root }] = JSON.parse(read(folder, "run", "run.json")).config.datasets;
    expect(root).toBe(join(folder, "b", "flowers"));

    const flowers = join(folder, "b", "flowers");
    cpSync(join(flowers, "test", "rose", "000.jpg"), join(flowers, "train", "rose", "900.jpg"));
    expect(await codyra("run", "--config", after, ...output, "--resume")).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /differs in datasets: .*dataset 'flowers': training images added: .*rose.900\.jpg/s,
      ),
    });
  });

  it("is exported with what a method keeps beside the weights, and not where nothing was learned", async () => {
    const folder = temporaryFolder();
    const config = writeConfig(folder, { ...realStream(), options: {} });
    const exported = async (method: string, ...option: string[]) => {
      const directory = join(folder, method);
      const given = ["--config", config, "--output", directory, "--method", method, ...option];
      const run = await codyra("run", ...given);
      expect(run.code, run.stderr).toBe(0);
      return codyra("export", "--run", directory, "--to", `${directory}-clip`);
    };
    expect(await exported("zero-shot")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("zero-shot"),
    });
    expect(existsSync(join(folder, "zero-shot-clip"))).toBe(false);
    expect(await exported("rail-primal", "-o", "hiddenDim=200")).toMatchObject({ code: 0 });
    const [{ name, root, classes }] = realStream().datasets as [ReturnType<typeof realStream>["datasets"][0]];
    const images = join(root, "test", classes[0] as string);
    const model = join(folder, "rail-primal-clip");
    const served = await codyra("classify", "--model", model, "--dataset", name, "--json", images);
    expect(served.code, served.stderr).toBe(0);
    expect(JSON.parse(served.stdout)[0].predictions).toHaveLength(classes.length);
  });
});
