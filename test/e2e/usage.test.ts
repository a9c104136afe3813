import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { codyra, temporaryFolder, writeConfig } from "./cli.js";

const commandNames = [
  "demo",
  "run",
  "launch",
  "learn",
  "methods",
  "classify",
  "embed",
  "search",
  "metrics",
  "report",
  "tables",
  "figures",
  "analyze",
  "export",
  "check",
  "download",
  "data",
  "pretrain",
  "doctor",
];

describe("help", () => {
  it("lists every command", async () => {
    const { code, stdout } = await codyra("--help");
    expect(code).toBe(0);
    const listed = [...stdout.matchAll(/^ {2}(\w+)(?: \[options\]| {2})/gm)].map(([, name]) => name);
    expect(listed).toEqual(commandNames);
  });

  it.each(commandNames)("of %s has an example", async (name) => {
    const { code, stdout, stderr } = await codyra(name, "--help");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(new RegExp(`Examples?:[\\s\\S]*\\$ codyra ${name}`));
  });

  it("is short for the version", async () => {
    expect(await codyra("--version")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
  });
});

describe("wrong usage exits with 2 and says what is wrong:", () => {
  it.each([
    [["train"], /unknown command 'train'\n.*pretrain.*\nSee codyra --help for/],
    [
      ["search"],
      /option '--index <file>' not specified\n+See codyra search --help for the options and an example\./,
    ],
    [["analyze", "ranks"], /option '--run <dir>' not specified\n+See codyra analyze ranks --help for/],
    [["run"], /required option '-c, --config <file>' not specified/],
    [["run", "--config", "x.yaml", "--colour"], /unknown option '--colour'/],
    [
      ["run", "--config", "x.yaml", "--protocol", "til"],
      /argument 'til' is invalid\. Allowed choices are x-tail, mtil/,
    ],
    [
      ["run", "--config", "x.yaml", "--option", "rank"],
      /argument 'rank' is invalid\. Expected key=value, such as iterations=100/,
    ],
    [["classify", "--labels", "a,b"], /missing required argument 'image'/],
    [
      ["demo", "--methods", "adam"],
      /codyra: Unknown method 'adam': expected one of zero-shot, finetune, .*, codyra,/,
    ],
    [["demo", "--seed", "eight"], /Wrong configuration/],
  ])("codyra %j", async (args, message) => {
    const { code, stdout, stderr } = await codyra(...args);
    expect(stderr).toMatch(message);
    expect([code, stdout]).toEqual([2, ""]);
  });
});

describe("the options of a method", () => {
  it("are printed by run --help and by methods", async () => {
    const { code, stdout } = await codyra("run", "--help", "codyra");
    expect(code).toBe(0);
    expect(stdout.replaceAll(/\s+/g, " ")).toContain(
      "denseRatio part of the iterations before thresholding begins " +
        "(number ≥ 0 and ≤ 1; default: 0.5; 0.7 with protocol mtil; source: paper)",
    );
    expect(await codyra("methods", "codyra")).toMatchObject({ code: 0, stdout });
    const { options } = JSON.parse((await codyra("methods", "codyra", "--json")).stdout);
    expect(options).toContainEqual({
      name: "kappaMax",
      type: "number ≥ 0",
      default: "0.005",
      meaning: "threshold at the end of a task",
      source: "paper",
    });
  });

  it.each([
    ["run", "--help", "adam"],
    ["methods", "adam"],
  ])("of none: %s %s %s", async (...args) => {
    const { code, stderr } = await codyra(...args);
    expect([code, stderr]).toEqual([2, expect.stringContaining("Unknown method 'adam': expected one of")]);
  });
});

describe("a device that is not there", () => {
  const missing = /^codyra: Device cuda:99: expected .*\. Use --device cpu, or see codyra doctor\.\n$/;

  it("is refused before a configuration is read, as a flag", async () => {
    const { code, stderr } = await codyra("run", "--config", "/no/such.yaml", "--device", "cuda:99");
    expect([code, stderr]).toEqual([2, expect.stringMatching(missing)]);
  });

  it("is refused before data is looked for, in the configuration or for other commands", async () => {
    const folder = temporaryFolder();
    const path = writeConfig(folder, { device: "cuda:99", datasets: [{ name: "pets", root: "nowhere" }] });
    for (const args of [["run"], ["analyze", "frontier"]]) {
      const { code, stderr } = await codyra(...args, "--config", path);
      expect([code, stderr], args.join(" ")).toEqual([2, expect.stringMatching(missing)]);
    }
    const labelled = await codyra("classify", "--labels", "a,b", "--device", "cuda:99", "nowhere.jpg");
    expect([labelled.code, labelled.stderr]).toEqual([2, expect.stringMatching(missing)]);
  });

  it.each(["mps", "gpu", "cuda:", "cuda:-1", "meta"])("%s is none at all", async (device) => {
    const { code, stderr } = await codyra("run", "--config", "x.yaml", "--device", device);
    expect([code, stderr]).toEqual([2, expect.stringContaining("expected cpu, cuda or cuda:<number>")]);
  });
});

describe("a wrong configuration", () => {
  const datasets = [{ name: "pets", root: "no-such-folder" }];

  it.each([
    [
      "has an unknown method",
      { datasets, method: "adam" },
      2,
      /Unknown method 'adam': expected one of zero-shot/,
    ],
    [
      "has an option that the method lacks",
      { datasets, options: { ranks: 4 } },
      2,
      /Unrecognized key: "ranks"/,
    ],
    [
      "has an option of another method",
      { datasets, method: "lora", options: { kappaMax: 0.1 } },
      2,
      /"kappaMax" is an option of codyra, codyra-routed, .*, and lora does not have it/,
    ],
    ["has an option beside the settings", { datasets, rank: 4 }, 2, /"rank" is an option .*'options'/],
    ["has a setting among the options", { datasets, options: { shots: 4 } }, 2, /"shots" is a setting/],
    ["has an option out of range", { datasets, options: { rank: 0 } }, 2, /→ at rank/],
    ["has an unknown key", { datasets, shot: 4 }, 2, /Unrecognized key: "shot"/],
    ["has no datasets", { method: "codyra" }, 2, /→ at datasets/],
    ["is not YAML", "datasets: [", 1, /config\.yaml: expected YAML: /],
    ["is not a mapping", "- a\n- b\n", 1, /config\.yaml: expected a mapping with 'datasets', got/],
    [
      "names a folder that is not there",
      { datasets },
      1,
      /Dataset pets: expected a folder at .*no-such-folder, got ENOENT\. Check the path\./,
    ],
    ["names a model that is not there", { datasets, model: "no-such-model" }, 1, /no-such-model/],
  ])("that %s", async (_, config, expected, message) => {
    const folder = temporaryFolder();
    const { code, stdout, stderr } = await codyra(
      "run",
      "--config",
      writeConfig(folder, config),
      "--output",
      join(folder, "run"),
    );
    expect(stderr).toMatch(message);
    expect([code, stdout]).toEqual([expected, ""]);
  });

  it("that is not there", async () => {
    const { code, stderr } = await codyra("run", "--config", "/no/such.yaml");
    expect([code, stderr]).toEqual([
      1,
      "codyra: /no/such.yaml: there is no such file. Give a YAML configuration, see codyra run --help.\n",
    ]);
  });

  it("whose images cannot be decoded, naming the file", async () => {
    const folder = temporaryFolder();
    for (const part of ["train", "test"]) {
      mkdirSync(join(folder, "data", part, "cat"), { recursive: true });
      writeFileSync(join(folder, "data", part, "cat", "broken.jpg"), "not a picture");
    }
    const config = writeConfig(folder, { datasets: [{ name: "pets", root: "data" }], shots: 1 });
    const { code, stderr } = await codyra("run", "--config", config, "--output", join(folder, "run"));
    expect(stderr).toContain(join(folder, "data", "train", "cat", "broken.jpg"));
    expect(code).toBe(1);
  });
});
