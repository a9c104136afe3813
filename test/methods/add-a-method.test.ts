import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { expect, it, onTestFinished } from "vitest";
import { methodHelp, methodList } from "../../lib/cli/output/method-help.js";
import type { Task } from "../../lib/data/index.js";
import {
  createMethod,
  type MethodDefinition,
  methodCosts,
  methods,
  optionRows,
} from "../../lib/methods/index.js";
import { metricTables, paperTables, readRun, reportHtml } from "../../lib/report/index.js";
import { packageRoot, scope } from "../../lib/torch/index.js";
import { optionsPage } from "../../scripts/generate/options-page.mjs";
import { tinyClip } from "../lora/models.js";
import { temporaryFolder, tinyRun } from "../protocol/tiny-run.js";
import { colourTasks, recordedContext } from "./tasks.js";

/** Writes the example of docs/add-a-method.md into a folder beside this test. @returns its path */
function writeExample(): string {
  const text = readFileSync(join(packageRoot, "docs", "add-a-method.md"), "utf8");
  const [code = ""] = Array.from(text.matchAll(/^```ts\n(\/\* .*?)^```$/gms), ([, code]) => code);
  const folder = mkdtempSync(join(import.meta.dirname, "example-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "bitfit.ts");
  writeFileSync(
    path,
    code
      .replaceAll('from "./', 'from "../../../lib/methods/')
      .replaceAll('from "../torch/', 'from "../../../lib/torch/'),
  );
  return path;
}

async function exampleMethod(): Promise<MethodDefinition> {
  const { bitfit } = (await import(writeExample())) as { bitfit: MethodDefinition };
  return bitfit;
}

it("the example compiles and learns", async () => {
  const path = writeExample();
  const { config } = ts.readConfigFile(join(packageRoot, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, packageRoot);
  const program = ts.createProgram([path], { ...options, rootDir: packageRoot, noEmit: true });
  const problems = ts.getPreEmitDiagnostics(program, program.getSourceFile(path));
  expect(problems.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"))).toEqual([]);

  const { bitfit } = (await import(path)) as { bitfit: MethodDefinition };
  expect(optionRows(bitfit)).toContainEqual(
    expect.objectContaining({ name: "learningRate", type: "number > 0", default: "0.001" }),
  );
  const method = bitfit.create({ iterations: 40, batchSize: 9, learningRate: 0.02, logEvery: 10 }, "x-tail");
  const model = tinyClip();
  const context = recordedContext(model);
  const [task] = colourTasks() as [Task];
  const accuracy = () =>
    scope(() => {
      const { images, labels } = task.test;
      const scores = method.classifier({ groups: [task] }, context)(model.preprocessing.normalise(images));
      return scores.argmax(1).eq(labels).float().mean().item();
    });
  expect(accuracy()).toBeLessThan(0.5);
  await method.beginTask(task, context);
  const { trainableParameters } = await method.trainTask(task, context);
  await method.endTask(task, context);
  expect(accuracy()).toBeGreaterThan(0.9);
  const biases = Array.from(model.namedParameters()).filter(([name]) => name.endsWith(".bias"));
  expect(bitfit.cost(model, { classes: 3, tasks: 1, shots: 1 }).trainable).toBe(trainableParameters);
  expect(trainableParameters).toBe(biases.reduce((count, [, bias]) => count + bias.numel(), 0));
});

it("is known to help, costs, checkpoints, tables and the report by its line in the list", async () => {
  const bitfit = await exampleMethod();
  const list = methods as MethodDefinition[];
  list.push(bitfit); // the line
  onTestFinished(() => void list.pop());

  expect(await methodList()).toMatch(/bitfit +fine-tuning of the biases alone/);
  const help = await methodHelp("bitfit");
  expect(help).toMatch(/^bitfit: fine-tuning of the biases alone\n\nOptions/);
  expect(help.replaceAll(/\s+/g, " ")).toContain("default: 0.001");
  const page = optionsPage([], [{ ...bitfit, options: optionRows(bitfit) }]);
  expect(page).toMatch(/^#+ .*bitfit/m);

  const setting = { classes: 3, tasks: 1, shots: 1 };
  const cost = methodCosts(tinyClip(), setting).find(({ method }) => method === "bitfit");
  expect(cost).toEqual({ method: "bitfit", label: "BitFit", ...bitfit.cost(tinyClip(), setting) });

  const directory = join(temporaryFolder(), "bitfit");
  const options = { iterations: 2, batchSize: 9, logEvery: 1 };
  const method = () => createMethod("bitfit", options, "x-tail");
  const accuracy = await tinyRun(directory, { method: method() });
  expect(await tinyRun(directory, { method: method(), resume: true })).toEqual(accuracy);
  const run = readRun(directory);
  expect(run.info.methodLabel).toBe("BitFit"); // for readers, which load no method
  const [metrics] = metricTables([run]);
  expect(metrics?.rows.map(({ label }) => label)).toEqual(["bitfit"]);
  const rows = paperTables([run]).flatMap(({ parts }) => parts.flatMap((part) => part.rows));
  expect(rows).toContainEqual(expect.objectContaining({ method: "bitfit", label: "BitFit" }));
  expect(reportHtml([run])).toContain("bitfit");
});
