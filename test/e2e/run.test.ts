import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  codyra,
  needsRealImages,
  realImages,
  realStream,
  startCodyra,
  temporaryFolder,
  writeConfig,
} from "./cli.js";

// biome-ignore lint/suspicious/noExplicitAny: tests look into files of several shapes
const readJson = (...path: string[]): any => JSON.parse(readFileSync(join(...path), "utf8"));
const names = ["flowers", "mnist", "satellite"];

describe("codyra run on real images", needsRealImages, () => {
  it("learns a stream, evaluates it, writes its files, and is exported to a model that classifies", async () => {
    const folder = temporaryFolder();
    const config = writeConfig(folder, realStream());
    const directory = join(folder, "run");
    const { code, stdout, stderr } = await codyra("run", "--config", config, "--output", directory);
    expect(code, stderr).toBe(0);

    expect(readdirSync(directory).sort()).toEqual([
      "adapters",
      "changes",
      "checkpoints",
      "events.jsonl",
      "features",
      "matrix.json",
      "ranks.json",
      "report.html",
      "run.json",
      "samples.json",
    ]);
    const samples = readJson(directory, "samples.json");
    expect(Object.keys(samples)).toEqual(names);
    expect(samples.flowers).toMatchObject({ shots: 4, seed: 8, short: [] });
    expect(samples.flowers.names).toHaveLength(12);
    expect(existsSync(join(realImages, "flowers", samples.flowers.names[0]))).toBe(true);
    const { datasets, matrix, zeroShot } = readJson(directory, "matrix.json");
    expect(datasets).toEqual(names);
    expect(matrix).toHaveLength(3);
    for (const row of [...matrix, zeroShot]) {
      expect(row).toHaveLength(3);
      expect(row.every((value: number) => value >= 0 && value <= 1)).toBe(true);
    }
    const record = readJson(directory, "run.json");
    expect(record).toMatchObject({
      name: "real",
      method: "codyra",
      protocol: "x-tail",
      seed: 8,
      finishedAt: expect.any(String),
    });
    expect(record.config).toMatchObject({
      model: "miniature",
      shots: 4,
      options: { rank: 4, iterations: 10, preset: "paper" },
    });
    expect(
      record.datasets.map((dataset: { trainImages: number; testImages: number }) => [
        dataset.trainImages,
        dataset.testImages,
      ]),
    ).toEqual([
      [12, 60],
      [12, 60],
      [8, 40],
    ]);
    expect(record.datasets[2].classes).toEqual(["forest", "parking lot"]);
    const events = readFileSync(join(directory, "events.jsonl"), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events.filter(({ kind }) => kind === "step").map(({ dataset, step }) => [dataset, step])).toEqual(
      names.flatMap((name) => [5, 10].map((step) => [name, step])),
    );
    expect(
      readJson(directory, "ranks.json").tasks.map(({ dataset }: { dataset: string }) => dataset),
    ).toEqual(names);
    expect(readFileSync(join(directory, "report.html"), "utf8")).toMatch(/^<!doctype html>/i);

    // Results on stdout, in percent; progress on stderr.
    for (const metric of ["Transfer", "Average", "Last"]) expect(stdout).toContain(metric);
    const last = matrix[2].map((value: number) => (100 * value).toFixed(1));
    for (const value of last) expect(stdout).toContain(value);
    expect(stdout).toContain(`Run files  ${directory}\nReport     ${join(directory, "report.html")}\n`);
    for (const name of names)
      expect(stderr).toMatch(new RegExp(`codyra +\\d/3  ${name} .* mean accuracy \\d+\\.\\d %`));

    const again = await codyra("run", "--config", config, "--output", directory, "--resume");
    expect(again).toMatchObject({ code: 0, stdout });
    const refused = await codyra("run", "--config", config, "--output", directory);
    expect(refused).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining(`${directory} holds a run already`),
    });

    const model = join(folder, "model");
    expect(await codyra("export", "--run", directory, "--to", model)).toMatchObject({
      code: 0,
      stdout: `${model}\n`,
    });
    expect(readdirSync(model)).toEqual(
      expect.arrayContaining([
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "preprocessor_config.json",
      ]),
    );
    const images = ["daisy", "tulip"].map((name) => join(realImages, "flowers", "test", name, "000.jpg"));
    const classified = await codyra(
      "classify",
      "--model",
      model,
      "--labels",
      "daisy, rose, tulip",
      "--json",
      ...images,
    );
    expect(classified.code, classified.stderr).toBe(0);
    const results = JSON.parse(classified.stdout) as {
      path: string;
      predictions: { label: string; probability: number }[];
    }[];
    expect(results.map(({ path }) => path)).toEqual(images);
    for (const { predictions } of results) {
      expect(predictions.map(({ label }) => label).sort()).toEqual(["daisy", "rose", "tulip"]);
      expect(predictions.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 5);
      expect(predictions.map(({ probability }) => probability)).toEqual(
        predictions.map(({ probability }) => probability).sort((a, b) => b - a),
      );
    }
    const second = await codyra("export", "--run", directory, "--to", model);
    expect(second).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`${model} is there already`),
    });
  });

  it("prints JSON on request, and follows the options on the command line", async () => {
    const folder = temporaryFolder();
    const directory = join(folder, "run");
    const flags = [
      "--protocol",
      "mtil",
      "--method",
      "lora",
      "--seed",
      "3",
      "--shots",
      "2",
      "-o",
      "iterations=3",
      "-o",
      "targets=q,v",
    ];
    const config = realStream({ options: { batchSize: 6, rank: 2 } });
    const { code, stdout, stderr } = await codyra(
      "run",
      "--config",
      writeConfig(folder, config),
      "--output",
      directory,
      "--json",
      ...flags,
    );
    expect(code, stderr).toBe(0);
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({ directory, datasets: names, ...readJson(directory, "matrix.json") });
    expect(result.metrics.last.columns).toEqual(result.matrix[2]);
    expect(result.metrics.transfer.overall).toBeCloseTo(
      (result.matrix[0][1] + (result.matrix[0][2] + result.matrix[1][2]) / 2) / 2,
      12,
    );
    const record = readJson(directory, "run.json");
    expect(record).toMatchObject({ protocol: "mtil", method: "lora", seed: 3 });
    expect(record.config.options).toMatchObject({
      iterations: 3,
      batchSize: 6,
      rank: 2,
      targets: ["q", "v"],
    });
    // Only a dataset's own classes compete: chance is a third or a half, and a model that guesses one class
    // has just that.
    expect(Math.min(...result.zeroShot)).toBeGreaterThan(0.1);
  });

  it("gives methods that distil the reference data of the configuration", async () => {
    const folder = temporaryFolder();
    const options = { iterations: 2, batchSize: 6, ensembleEvery: 1 };
    const without = realStream({ method: "zscl", options });
    const directory = join(folder, "run");
    const refused = await codyra("run", "--config", writeConfig(folder, without), "--output", directory);
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("zscl: expected reference images and texts to distil on, got none."),
    });

    writeFileSync(join(folder, "captions.txt"), "a dog on a beach\ntwo red cars\n");
    const reference = { images: join(realImages, "mnist", "test", "one"), texts: "captions.txt" };
    const config = writeConfig(folder, { ...without, reference });
    const { code, stderr } = await codyra("run", "--config", config, "--output", directory);
    expect(code, stderr).toBe(0);
    const record = readJson(directory, "run.json");
    expect(record.config.reference).toEqual({
      images: reference.images,
      texts: join(folder, "captions.txt"),
    });
    expect(record.reference).toMatchObject({ images: readdirSync(reference.images).length, texts: 2 });
  });

  it("evaluates hold-outs after every task and never trains on them", async () => {
    const folder = temporaryFolder();
    const root = join(realImages, "dtd");
    const classes = readdirSync(join(root, "test")).slice(0, 2);
    const config = writeConfig(folder, realStream({ holdOuts: [{ name: "dtd", root, classes }] }));
    const directory = join(folder, "run");
    const { code, stdout, stderr } = await codyra("run", "--config", config, "--output", directory);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain("Hold-outs");
    const { datasets, holdOuts: measured } = readJson(directory, "matrix.json");
    expect(datasets).toEqual(names);
    expect(measured.datasets).toEqual(["dtd"]);
    expect([measured.matrix.length, measured.zeroShot.length]).toEqual([3, 1]);
    expect(readJson(directory, "run.json").holdOuts).toMatchObject([{ name: "dtd", testImages: 40 }]);
  });

  it("can be interrupted and resumed, and ends where an undisturbed run ends", async () => {
    const folder = temporaryFolder();
    const config = writeConfig(
      folder,
      realStream({ options: { ...realStream().options, iterations: 80, logEvery: 1 } }),
    );
    const [directory, undisturbed] = [join(folder, "run"), join(folder, "undisturbed")];
    const args = ["run", "--config", config, "--output"];
    const { child, outcome } = startCodyra(...args, directory);
    onTestFinished(() => void child.kill("SIGKILL"));
    const events = join(directory, "events.jsonl");
    const isTraining = () =>
      existsSync(events) && readFileSync(events, "utf8").includes('"kind":"step","task":1');
    while (!isTraining() && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 10));
    child.kill("SIGINT");
    const { code, stdout, stderr } = await outcome;
    expect([code, stdout]).toEqual([130, ""]);
    expect(stderr).toContain(
      `Stopping after this iteration. To go on: codyra run --config ${config} --output ${directory} --resume\n`,
    );
    expect(readJson(directory, "matrix.json").matrix).toHaveLength(1);

    const unfinished = join(folder, "unfinished");
    cpSync(directory, unfinished, { recursive: true });
    const refused = await codyra(...args, unfinished, "--resume", "--seed", "9");
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /holds a run that differs in seed, datasets: expected the same to resume it/,
      ),
    });

    const [resumed, reference] = await Promise.all([
      codyra(...args, directory, "--resume"),
      codyra(...args, undisturbed),
    ]);
    expect([resumed.code, reference.code], resumed.stderr).toEqual([0, 0]);
    expect(readFileSync(join(directory, "matrix.json"))).toEqual(
      readFileSync(join(undisturbed, "matrix.json")),
    );
  });
});
