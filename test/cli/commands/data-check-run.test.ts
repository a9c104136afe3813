import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, expect, it, vi } from "vitest";
import { dataCheckCommand } from "../../../lib/cli/commands/data-check.js";
import { errorText } from "../../../lib/cli/output/error-text.js";
import { readConfig, run } from "../../../lib/experiment/index.js";
import { cuda } from "../../../lib/torch/index.js";
import { temporaryFolder, writePicture } from "../../data/images.js";

const root = temporaryFolder();
const hasCuda = cuda.isAvailable();

beforeAll(async () => {
  for (const name of ["cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png"]) {
    await writePicture(join(root, "shop", name));
  }
  writeFileSync(join(root, "words.txt"), "a photo\n");
});
afterEach(() => {
  process.exitCode = undefined;
});

function configOf(name: string, settings: string): string {
  const path = join(root, `${name}.yaml`);
  const output = `output: ${join(root, "runs", name)}\n`;
  writeFileSync(path, `datasets:\n  - { name: shop, root: shop }\n${output}${settings}`);
  return path;
}

async function dataCheck(path: string) {
  const written = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  try {
    await dataCheckCommand().exitOverride().parseAsync(["--config", path, "--json"], { from: "user" });
    return { ...JSON.parse(String(written.mock.calls[0]?.[0])), code: process.exitCode };
  } finally {
    written.mockRestore();
  }
}

const cases: [string, string, RegExp][] = [
  ["an unknown option", "options: { rankk: 8 }\n", /"?rankk"?.*rank/],
  ["a value out of range", "options: { rank: -8 }\n", /rank/],
  ["an option of no choice", "method: lora\noptions: { targets: [qq] }\n", /targets/],
  ["zscl without reference", "method: zscl\n", /zscl: expected reference images and texts/],
  ["a missing AlexNet", "method: moe-adapter\n", /ddas: expected the option 'features'/],
  [
    "an AlexNet that is not there",
    "method: moe-adapter\noptions: { ddas: { features: /gone.safetensors } }\n",
    /gone\.safetensors/,
  ],
  ["a model that is not there", "model: gone/clip\n", /gone\/clip: expected a path or a downloaded model/],
  ["a folder that is no model", "model: shop\n", /shop/],
  ["a device that is not there", `device: cuda${hasCuda ? ":99" : ""}\n`, /Device cuda.*: expected/],
  ["a guard's model", "guard: { datasets: [{ name: shop, root: shop }], against: gone/x }\n", /gone\/x/],
];

it.each(cases)("refuses %s with the message of a run", async (name, settings, message) => {
  const path = configOf(name.replaceAll(" ", "-"), settings);
  const { ok, code, problems, datasets } = await dataCheck(path);
  expect({ ok, code }).toEqual({ ok: false, code: 1 });
  expect(problems.join("\n")).toMatch(message);
  expect(datasets[0].status).toBe("ready"); // the others are told as well
  const refused = await run(readConfig(path)).then(
    () => "nothing",
    (error: unknown) => errorText(error),
  );
  expect(problems).toEqual([refused]);
});

it("refuses a guard's data, and a reference that is not there", async () => {
  const guard = configOf("guard", "guard: { datasets: [{ name: old, root: gone }] }\n");
  const checked = await dataCheck(guard);
  expect(checked).toMatchObject({ ok: false, code: 1 });
  expect(checked.datasets[1]).toMatchObject({ name: "guard: old", status: "unusable" });
  const queries = configOf("index", "guard: { index: { images: [shop], queries: gone.txt } }\n");
  expect((await dataCheck(queries)).problems[0]).toMatch(/gone\.txt/);
  const reference = "reference: { images: gone, texts: words.txt }\nmethod: zscl\n";
  expect(await dataCheck(configOf("reference", reference))).toMatchObject({ ok: false, problems: [] });
});

it("is ready for what runs", async () => {
  const settings = "method: zscl\nreference: { images: shop, texts: words.txt }\n";
  const { ok, code, problems } = await dataCheck(configOf("ready", settings));
  expect({ ok, code, problems }).toEqual({ ok: true, code: 0, problems: [] });
});

it("warns of a folder that holds a run already", async () => {
  const path = configOf("taken", "method: zero-shot\nshots: 1\ncache: false\n");
  expect((await dataCheck(path)).warnings).toEqual([]);
  await run(readConfig(path));
  const { ok, warnings } = await dataCheck(path);
  expect(ok).toBe(true);
  expect(warnings).toEqual([expect.stringContaining(`${join(root, "runs/taken")} holds a run already.`)]);
});

it("warns of a hold-out that is a learned dataset under another name", async () => {
  const path = configOf("held", "holdOuts: [{ name: old, root: shop }]\n");
  expect((await dataCheck(path)).warnings).toEqual([
    expect.stringMatching(/^Hold-out old: of 2 test images, 2 are also in shop, which is learned\./),
  ]);
});

it("warns of classes of two datasets whose prompts are cut to the same tokens, where they compete", async () => {
  const long = "colour ".repeat(100);
  const entry = (name: string) =>
    `{ name: ${name}, root: shop, classes: { cat: ${long}${name}, dog: ${name} dog } }`;
  const settings = `truncate: true\ndatasets: [${["red", "blue"].map(entry).join(", ")}]\n`;
  const path = join(root, "cut.yaml");
  writeFileSync(path, settings);
  const { warnings } = await dataCheck(path);
  expect(warnings).toEqual([
    expect.stringMatching(
      /^Prompts of "colour .*red" \(red\) and "colour .*blue" \(blue\) are the same tokens/,
    ),
  ]);
  writeFileSync(path, `protocol: mtil\n${settings}`);
  expect((await dataCheck(path)).warnings).toEqual([]);
});

it("prints below the datasets why a run would refuse", async () => {
  const written = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  const path = configOf("printed", "method: zscl\n");
  await dataCheckCommand().parseAsync(["--config", path], { from: "user" });
  const [text] = written.mock.calls[0] as [string];
  written.mockRestore();
  expect(text).toContain("\nA run would refuse:\nzscl: expected reference images and texts");
  rmSync(path);
});
