import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Task } from "../../lib/data/index.js";
import { createMethod, type ProtocolName } from "../../lib/methods/index.js";
import { tinyClip } from "../lora/models.js";
import { colourTasks } from "../methods/tasks.js";
import { everyVariant, mtilVariants, tinyReference } from "./tiny-methods.js";
import { readEvents, readFiles, readJson, temporaryFolder, tinyRun } from "./tiny-run.js";

/** A stream of three: the third shows the images of the first under other names. */
function threeTasks(): Task[] {
  const [colours, greys] = colourTasks() as [Task, Task];
  const [again] = colourTasks() as [Task];
  const renamed = { ...again, name: "shades", classes: again.classes.map((name) => `${name} shade`) };
  return [colours, greys, { ...renamed, fingerprint: "shades" }];
}

type Options = Readonly<Record<string, unknown>>;

function learn(directory: string, [name, options]: [string, Options], protocol: ProtocolName, count: number) {
  const tasks = threeTasks().slice(0, count);
  const method = createMethod(name, options, protocol);
  const [{ classes, templates, test }] = colourTasks() as [Task];
  const holdOuts = [{ name: "held out", classes, templates, test }];
  const model = tinyClip();
  return tinyRun(directory, {
    model,
    protocol,
    method,
    tasks,
    holdOuts,
    reference: tinyReference(),
    resume: true,
  });
}

const read = (directory: string, name: string) => readFileSync(join(directory, name), "utf8");

/** Those of which models of earlier tasks are lost: all weights change, or what is kept beside them does. */
const forgetful = ["finetune", "lwf", "lwf-vr", "icarl", "wise-ft", "zscl", "moe-adapter", "rail-primal"];
const losesModels = (name: string) => forgetful.includes(name) || name.endsWith("rail-primal");

describe.each(["x-tail", "mtil"] as const)("a stream that grows one dataset at a time, %s", (protocol) => {
  const variants = protocol === "mtil" ? [...everyVariant, ...mtilVariants] : everyVariant;

  it.each(variants)("%s %j ends as if all had been there from the start", async (...method) => {
    const [whole, grown] = [temporaryFolder(), temporaryFolder()];
    const expected = await learn(whole, method, protocol, 3);
    for (const count of [1, 2, 3]) await learn(grown, method, protocol, count);
    const matrix = readJson(grown, "matrix.json");
    expect(matrix.zeroShot).toEqual(expected.zeroShot);
    expect(matrix.holdOuts).toEqual(expected.holdOuts);
    expect(matrix.matrix[2]).toEqual(expected.matrix[2]);
    if (!losesModels(method[0])) {
      expect(read(grown, "matrix.json")).toBe(read(whole, "matrix.json"));
      expect(readJson(grown, "run.json")).not.toHaveProperty("emptyCells");
    } else {
      // The model after "colours" is lost when "shades" comes; that after "greys" has the checkpoint.
      const row = expected.matrix[0]!;
      expect(matrix.matrix).toEqual([
        protocol === "mtil" ? [row[0], row[1], null] : [null, null, null],
        ...expected.matrix.slice(1),
      ]);
      expect(readJson(grown, "run.json").emptyCells).toMatchObject([
        { after: "colours", datasets: protocol === "mtil" ? ["shades"] : ["colours", "greys", "shades"] },
      ]);
    }
    const others = ["ranks.json"].filter((name) => readFiles(whole).some(([path]) => path === name));
    for (const name of others) expect(read(grown, name)).toBe(read(whole, name));
    const trained = (directory: string) =>
      readEvents(directory).filter(({ kind }) => kind === "step" || kind === "task-start");
    expect(trained(grown)).toEqual(trained(whole)); // no task is trained twice
    expect(readJson(grown, "run.json").finishedAt).not.toBeNull();
  });
});
