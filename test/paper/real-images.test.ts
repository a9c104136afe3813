import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import { readConfig } from "../../lib/experiment/index.js";
import { createMethod } from "../../lib/methods/index.js";
import { planRuns, readPlan } from "../../scripts/paper/plan.mjs";
import { withPack } from "../../scripts/paper/real-images.mjs";
import { writeResults } from "../../scripts/paper/real-images-results.mjs";
import { temporaryFolder } from "../protocol/tiny-run.js";
import { writeRun } from "../report/fixtures.js";

const plan = readPlan(resolve(import.meta.dirname, "../../configs/paper/real-images-plan.yaml"));

/** A manifest of every dataset that the plan names, and of one more at its end. */
function pack(): string {
  const folder = temporaryFolder();
  const ordered: string[] = plan.groups.flatMap(({ order = [] }: { order?: string[] }) => order);
  const about = {
    classes: ["red fox", "owl"],
    folders: ["red_fox", "owl"],
    template: "a picture of a {}.",
    test: 40,
  };
  const manifest = Object.fromEntries([...ordered, "extra"].map((name) => [name, about]));
  writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
  return folder;
}

it("makes configurations of a pack's datasets, in the order of a group or of the manifest", () => {
  const [folder, from] = [temporaryFolder(), pack()];
  const { groups } = withPack(plan, folder, { pack: from, model: "small-clip" });
  const configs = groups.map(({ config }: { config: string }) => readConfig(config, { method: "statra" }));
  for (const [i, group] of plan.groups.entries()) {
    const { datasets, protocol, model, shots } = configs[i]!;
    expect([protocol, model, shots]).toEqual([group.protocol, resolve("small-clip"), 16]);
    const manifest = Object.keys(JSON.parse(readFileSync(join(from, "manifest.json"), "utf8")));
    expect(datasets.map((entry) => "name" in entry && entry.name)).toEqual(group.order ?? manifest);
    expect(datasets[0]).toMatchObject({
      root: join(from, "mnist"),
      template: "a picture of a {}.",
      classes: { red_fox: "red fox", owl: "owl" },
    });
  }
  expect(groups[0].stream).toEqual({ tasks: 10, classes: 20, testedClasses: 20, testImages: 400 });
  expect(groups.at(-1).stream.tasks).toBe(11);
});

it("names methods with options that they accept", () => {
  const { groups } = withPack(plan, temporaryFolder(), { pack: pack(), model: "small-clip" });
  for (const { config, protocol, methods } of groups) {
    for (const method of methods) {
      const { options } = readConfig(config, { method });
      expect(() => createMethod(method, options, protocol), method).not.toThrow();
    }
  }
});

it("wants a manifest that has the datasets of the plan", () => {
  const empty = temporaryFolder();
  expect(() => withPack(plan, empty, { pack: empty, model: "small-clip" })).toThrow(
    "expected a pack of labelled images, but manifest.json is missing",
  );
  const other = {
    groups: [{ name: "g", protocol: "mtil", order: ["moon"], methods: [] }],
    config: plan.config,
  };
  expect(() => withPack(other, empty, { pack: pack(), model: "small-clip" })).toThrow(
    /expected datasets of its manifest \(mnist, .*, got moon/,
  );
});

it("writes the runs that are there, each with its seeds, and names those that are missing", async () => {
  const [folder, to] = [temporaryFolder(), temporaryFolder()];
  const groups = plan.groups.slice(0, 1).map((group: object) => ({ ...group, methods: ["statra", "lora"] }));
  const runs = planRuns(withPack({ ...plan, groups }, folder, { pack: pack(), model: "small-clip" }), folder);
  expect(await writeResults(runs, {}, to)).toEqual([]);
  for (const { directory, method, args } of runs) {
    if (method === "lora" && args.includes("2")) continue;
    mkdirSync(directory, { recursive: true });
    const { options } = readConfig(args[2]!, { method });
    const seed = args.includes("2") ? 2 : 1;
    writeRun(directory, {
      method: method!,
      seed,
      info: { protocol: "mtil", config: { shots: 16, options } },
    });
  }
  const [file] = await writeResults(runs, {}, to);
  const text = readFileSync(file!, "utf8");
  expect(text).toContain("| Method | Transfer | Average | Last | Forgetting |");
  expect(text).toMatch(/^\| StatRA, seeds 1, 2 \| .*±/m);
  expect(text).toMatch(/^\| LoRA, seed 1 \| /m);
  expect(text).toContain("Not run yet:\n\n- lora: seed 2\n");
});
