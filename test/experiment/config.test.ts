import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { stringify } from "yaml";
import { datasetIds, streams } from "../../lib/data/index.js";
import { nameOf, readConfig, readMiniatureSettings } from "../../lib/experiment/index.js";
import { createMethod, methods } from "../../lib/methods/index.js";
import { mergeOptions, methodsInProtocol } from "../../lib/options/index.js";
import { packageRoot } from "../../lib/torch/index.js";

function write(config: unknown): { path: string; folder: string } {
  const folder = mkdtempSync(join(tmpdir(), "codyra-config-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "config.yaml");
  writeFileSync(path, typeof config === "string" ? config : stringify(config));
  return { path, folder };
}

it("reads YAML in UTF-16, and refuses letters that it would lose", () => {
  const { path } = write("datasets: [dtd]\nname: rosé\n");
  writeFileSync(path, "\uFEFFdatasets: [dtd]\nname: rosé\n", "utf16le");
  expect(readConfig(path)).toMatchObject({ name: "rosé" });
  writeFileSync(path, "datasets: [dtd]\nname: rosé\n", "latin1");
  expect(() => readConfig(path)).toThrow(
    /config\.yaml: expected text in UTF-8, got the byte 0xe9 at offset 25 in line 2\./,
  );
});

describe("the options of a method", () => {
  const config = {
    datasets: ["dtd"],
    method: "moe-adapter",
    methods: {
      "moe-adapter": { iterations: 7, experts: 4, ddas: { unit: "image", features: "clip" } },
      lora: { rank: 2 },
    },
    options: { experts: 5, ddas: { threshold: 0.1 } },
  };

  it("are those of the method, under the ones for all, under those of the command line", () => {
    const { options } = readConfig(write(config).path, { options: { ddas: { unit: "batch" } } });
    expect(options).toEqual({
      iterations: 7,
      experts: 5,
      ddas: { unit: "batch", features: "clip", threshold: 0.1 },
    });
  });

  it("follow the method that the command line names", () => {
    const { options } = readConfig(write({ ...config, options: {} }).path, { method: "lora" });
    expect(options).toEqual({ rank: 2 });
  });

  it("are refused for a method that does not exist", () => {
    const { path } = write({ ...config, methods: { adam: {} } });
    expect(() => readConfig(path)).toThrow(/Unrecognized key: .*adam/);
  });
});

describe("reference data", () => {
  it("have paths relative to the file", () => {
    const { path, folder } = write({
      datasets: ["dtd"],
      data: "datasets",
      reference: { images: "broad", texts: "captions.txt" },
    });
    expect(readConfig(path).reference).toEqual({
      images: join(folder, "broad"),
      texts: join(folder, "captions.txt"),
    });
  });

  it("may be a dataset, read like those of the stream", () => {
    const { path, folder } = write({
      datasets: ["dtd"],
      data: "datasets",
      splitSource: "torchvision",
      reference: { images: { dataset: "imagenet1k" }, texts: "captions.txt" },
    });
    expect(readConfig(path).reference?.images).toEqual({
      dataset: "imagenet1k",
      data: join(folder, "datasets"),
      splitSource: "torchvision",
    });
  });

  it("are refused when they are neither", () => {
    const { path } = write({
      datasets: ["dtd"],
      reference: { images: { name: "x" }, texts: "captions.txt" },
    });
    expect(() => readConfig(path)).toThrow(/expected one of root, manifest, parquet, webdataset/);
  });

  it("are refused under a name that no stream has, with the names there are", () => {
    const { path } = write({ datasets: "mtil-order-3" });
    expect(() => readConfig(path)).toThrow(
      /expected x-tail, mtil, mtil-order-2, or a list of datasets, got .*mtil-order-3/,
    );
  });
});

describe.each(["x-tail", "mtil"] as const)("configs/paper/%s.yaml", (protocol) => {
  const path = join(packageRoot, "configs", "paper", `${protocol}.yaml`);

  it("is the stream of the protocol", () => {
    const { protocol: found, datasets, shots } = readConfig(path);
    expect([found, datasets.length, shots]).toEqual(
      protocol === "x-tail" ? ["x-tail", 10, 16] : ["mtil", 11, 5],
    );
  });

  it.each(methods.map(({ name }) => name))("states the defaults of %s", (name) => {
    const { options } = readConfig(path, { method: name });
    expect(createMethod(name, options, protocol).options).toEqual(createMethod(name, {}, protocol).options);
  });
});

it("configs/paper/mtil-full-shot.yaml changes the number of iterations, and what some methods have other values for", () => {
  const path = join(packageRoot, "configs", "paper", "mtil-full-shot.yaml");
  const config = readConfig(path);
  expect([config.protocol, config.datasets.length, config.shots]).toEqual(["mtil", 11, null]);
  for (const name of Object.keys(config.methods)) {
    const { options } = createMethod(name, readConfig(path, { method: name }).options, "mtil");
    const usual = createMethod(name, {}, "mtil").options;
    const changed = Object.keys(options).filter((key) => !isDeepStrictEqual(options[key], usual[key]));
    const others: Record<string, string[]> = {
      "zero-shot": [],
      dac: [],
      keeplora: ["epochs", "datasetEpochs"],
      statra: [],
      "moe-adapter": ["iterations", "learningRates", "crops", "ddas"],
    };
    expect(changed.sort(), name).toEqual((others[name] ?? ["iterations"]).sort());
    if (changed.includes("iterations")) expect(options).toMatchObject({ iterations: 1000, warmup: 100 });
  }
});

describe("MTIL's order II", () => {
  interface Options {
    readonly epochs?: number;
    readonly datasetEpochs?: Readonly<Record<string, number>>;
    readonly learningRate?: number;
    readonly learningRates?: Readonly<Record<string, number>>;
  }
  const order = "cars food101 mnist pets flowers sun397 aircraft caltech101 dtd eurosat cifar100".split(" ");
  const ids = order.map((name) => datasetIds.find((id) => id.includes(name))!);
  const optionsOf = (file: string, method: string) => {
    const path = join(packageRoot, "configs", "paper", file);
    const config = readConfig(path, { method });
    expect(config.datasets.map(nameOf)).toEqual(ids);
    expect(config.datasets.map(nameOf).toSorted()).toEqual(streams.mtil.toSorted());
    return { config, options: createMethod(method, config.options, "mtil").options as Options };
  };

  it("has the published epochs of KeepLoRA", () => {
    const { config, options } = optionsOf("mtil-full-shot-order-2.yaml", "keeplora");
    const epochs = ids.map((id) => options.datasetEpochs?.[id] ?? options.epochs);
    expect(epochs).toEqual([5, 2, 5, 5, 5, 5, 10, 10, 10, 10, 10]);
    expect(config.shots).toBeNull();
    const plus = { variant: "plus", epochs: 5, datasetEpochs: { food101: 1, mnist: 1 } }; // as the file says
    const ofPlus = createMethod("keeplora", mergeOptions(config.options, plus), "mtil").options as Options;
    const epochsOfPlus = ids.map((id) => ofPlus.datasetEpochs?.[id] ?? ofPlus.epochs);
    expect(epochsOfPlus).toEqual([5, 1, 1, 5, 5, 5, 5, 5, 5, 5, 5]);
  });

  it("has the published learning rates of DAC", () => {
    const { config, options } = optionsOf("mtil-order-2.yaml", "dac");
    const rates = ids.map((id) => 1e3 * (options.learningRates?.[id] ?? options.learningRate!));
    expect(rates).toEqual([2, 2, 1, 2, 2, 2, 3, 2, 2, 1, 3]);
    expect(config.shots).toBe(5);
  });
});

it("configs/miniature.yaml has options of every method that fit, in both protocols", () => {
  const settings = readMiniatureSettings(packageRoot);
  const names = methods.map(({ name }) => name);
  expect(Object.keys(settings.methods)).toEqual(names);
  for (const name of names) {
    for (const protocol of ["x-tail", "mtil"] as const) {
      const options = methodsInProtocol(settings, protocol)[name] ?? {};
      expect(createMethod(name, options, protocol).options).toMatchObject(options);
    }
  }
  for (const own of Object.values(settings.protocols))
    expect(names).toEqual(expect.arrayContaining(Object.keys(own)));
});
