import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { codyra, temporaryFolder, writeConfig } from "./cli.js";

const commandNames = [
  "demo",
  "run",
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
    [["train"], /unknown command 'train'/],
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
