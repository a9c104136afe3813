import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { expect, it, onTestFinished } from "vitest";
import { packageRoot } from "../../lib/torch/index.js";
import { codeBlocks, readPages } from "./pages.js";

// docs/add-a-method.md shows files of lib/methods/ rather than programs; test/methods/add-a-method.test.ts
// runs its example.
const pages = readPages().filter((page) => page.path !== "docs/add-a-method.md");
const examples = pages.flatMap((page) => {
  const blocks = codeBlocks(page, "ts");
  const [imports = ""] = blocks[0]?.match(/^import .*?\n\n/s) ?? [];
  return blocks.map((code, i) => [`${page.path}, block ${i + 1}`, i === 0 ? code : imports + code] as const);
});

it("there are examples in TypeScript", () => {
  expect(examples.length).toBeGreaterThan(2);
});

it("the examples compile", () => {
  const folder = mkdtempSync(join(import.meta.dirname, "example-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const files = examples.map(([name, code], i) => {
    const file = join(folder, `${i}.ts`);
    writeFileSync(file, code);
    return { name, file };
  });
  const { config } = ts.readConfigFile(join(packageRoot, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, packageRoot);
  const paths = { codyra: [join(packageRoot, "lib/index.ts")] };
  const program = ts.createProgram(
    files.map(({ file }) => file),
    { ...options, rootDir: packageRoot, paths, noEmit: true },
  );
  const problems = files.flatMap(({ name, file }) =>
    ts
      .getPreEmitDiagnostics(program, program.getSourceFile(file))
      .map(({ messageText }) => `${name}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`),
  );
  expect(problems).toEqual([]);
});
