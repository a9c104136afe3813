import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { needs } from "../needs.js";
import { Sandbox } from "./sandbox.js";

/**
 * A project of three small files that builds with this machine's own tools; each test goes on where the last
 * one ended.
 */
let sandbox: Sandbox;
const realTools = { PATH: process.env.PATH ?? "", CXX: process.env.CXX ?? "" };
let libtorch: string;

beforeAll(() => {
  sandbox = new Sandbox();
  sandbox.linkNodeModules();
  libtorch = sandbox.libtorch("2.13.0");
  sandbox.write(
    "checkout/CMakeLists.txt",
    `cmake_minimum_required(VERSION 3.18)
    project(codyra LANGUAGES CXX)
    set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "\${CMAKE_SOURCE_DIR}/build/Release")
    add_library(codyra_ops SHARED native/ops.cc)
    add_library(codyra SHARED native/bridge.cc)
    set_target_properties(codyra PROPERTIES PREFIX "" SUFFIX ".node")
    target_include_directories(codyra PRIVATE \${CMAKE_JS_INC})`,
  );
  sandbox.write("checkout/native/ops.cc", "int two() { return 2; }\n");
  sandbox.write(
    "checkout/native/bridge.cc",
    "#include <node_api.h>\nNAPI_MODULE_INIT() { (void)env; return exports; }\n",
  );
  sandbox.write("checkout/lib/index.ts", "export const two: number = 2;\n");
  sandbox.write("checkout/lib/report/page/client/main.ts", "document.title = String(1 + 1);\n");
  sandbox.write("checkout/lib/cli/start.ts", "#!/usr/bin/env node\nconsole.log(2);\n");
  const options = { module: "NodeNext", target: "ES2023", rootDir: "lib", outDir: "dist", types: [] };
  sandbox.write("checkout/tsconfig.json", JSON.stringify({ compilerOptions: options, include: ["lib"] }));
});
afterAll(() => sandbox[Symbol.dispose]());

const setUp = (environment = {}, args?: string[]) =>
  sandbox.run({ ...realTools, LIBTORCH: libtorch, ...environment }, args);

test("the first set-up builds everything and records what it used", async () => {
  const { code, output } = await setUp();
  expect(output).toMatch(/native build +\d+\.\d s\n +addon +loads in .*\n +TypeScript +\d/);
  expect(code).toBe(0);
  const record = JSON.parse(readFileSync(join(sandbox.checkout, "build/codyra-build.json"), "utf8"));
  expect(record.libtorch).toEqual({ version: "2.13.0", path: libtorch, source: "LIBTORCH" });
  expect(record.opsLibrary).toContain(join(sandbox.checkout, "build/Release/libcodyra_ops."));
});

test("the second one has nothing to do", async () => {
  const { output } = await setUp();
  expect(output).toMatch(/native build +up to date\n +TypeScript +up to date\n$/);
});

test("a changed source is compiled again, with the lines of an error shown", async () => {
  sandbox.write("checkout/native/ops.cc", "int two() { return tow; }\n");
  const broken = await setUp();
  expect(broken.code).toBe(1);
  expect(broken.output).toMatch(/The native build failed\.\n.*ops\.cc:1:\d+: error: .*tow/);

  sandbox.write("checkout/native/ops.cc", "int two() { return 1 + 1; }\n");
  expect((await setUp()).output).toMatch(/native build +\d/);
});

test("a source that changes meanwhile does not count as built", async () => {
  const lists = join(sandbox.checkout, "CMakeLists.txt");
  const plain = readFileSync(lists, "utf8");
  const edit = `file(APPEND "\${CMAKE_SOURCE_DIR}/native/ops.cc" "int three() { return 3; }\\n")`;
  writeFileSync(lists, `${plain}\n${edit}\n`);
  const { code, output } = await setUp();
  expect(output).toContain("Files in native/ changed while they were compiled.");
  expect(code).toBe(1);
  writeFileSync(lists, plain);
  expect((await setUp()).output).toMatch(/native build +\d/);
});

// On macOS an unknown symbol is looked up at its first call.
const needsLinux = needs(process.platform === "linux", "not Linux", "run on Linux");

test("an addon that cannot be loaded is told", needsLinux, async () => {
  const bridge = join(sandbox.checkout, "native/bridge.cc");
  const good = readFileSync(bridge, "utf8");
  sandbox.write("checkout/native/bridge.cc", good.replace("(void)env;", "extern void nowhere(); nowhere();"));
  const { code, output } = await setUp();
  expect(code).toBe(1);
  expect(output).toContain("The addon was built but cannot be loaded.");
  sandbox.write("checkout/native/bridge.cc", good);
});

test("another libtorch means another build", async () => {
  expect((await setUp()).code).toBe(0);
  const { output } = await setUp({ LIBTORCH: sandbox.libtorch("2.12.0") });
  expect(output).toMatch(/libtorch 2\.12\.0 \(LIBTORCH\) +ok\n.*\n* +native build +[:\d]/);
  expect((await setUp()).code).toBe(0);
});

test("TypeScript that does not compile is told with its line", async () => {
  sandbox.write("checkout/lib/index.ts", 'export const two: number = "2";\n');
  const { code, output } = await setUp();
  expect(code).toBe(1);
  expect(output).toMatch(/The TypeScript sources do not compile\.\n +lib\/index\.ts\(1,14\)/);
  sandbox.write("checkout/lib/index.ts", "export const two: number = 2;\n");
  sandbox.write("checkout/lib/report/page/client/main.ts", "document.title = String(1 + 1);\n");
  sandbox.write("checkout/lib/cli/start.ts", "#!/usr/bin/env node\nconsole.log(2);\n");
  expect((await setUp()).code).toBe(0);
});

test("an installed package, which ships dist/ and no tsconfig.json, leaves TypeScript alone", async () => {
  const configuration = join(sandbox.checkout, "tsconfig.json");
  const text = readFileSync(configuration, "utf8");
  rmSync(configuration);
  sandbox.write("checkout/lib/index.ts", "not TypeScript");
  expect((await setUp()).output).toMatch(/TypeScript +up to date/);
  sandbox.write("checkout/tsconfig.json", text);
  sandbox.write("checkout/lib/index.ts", "export const two: number = 2;\n");
  sandbox.write("checkout/lib/report/page/client/main.ts", "document.title = String(1 + 1);\n");
  sandbox.write("checkout/lib/cli/start.ts", "#!/usr/bin/env node\nconsole.log(2);\n");
});

test("npm start runs the demo with its arguments and exit code, and says nothing when all is ready", async () => {
  sandbox.write(
    "checkout/lib/cli/main.ts",
    "declare const process: any;\nconsole.log(process.argv.slice(2).join());\nprocess.exit(3);\n",
  );
  await setUp();
  const { code, output } = await setUp({}, ["scripts/start.mjs", "--seed", "1"]);
  expect(output).toBe("demo,--seed,1\n");
  expect(code).toBe(3);
});

test("npm test ends with what was left out and the totals, a file that cannot be imported among the failures", async () => {
  const good = `import { expect, test } from "vitest";
    test("a", () => expect(1).toBe(1));
    test("b", { skip: true, meta: { needs: { reason: "no moon", remedy: "wait for one" } } }, () => {});`;
  sandbox.write("checkout/test/good.test.ts", good);
  const passing = await setUp({}, ["scripts/test.mjs"]);
  expect(passing.output).toMatch(/\n1 skipped: no moon \(wait for one\)\n1 passed, 0 failed, 1 skipped\n$/);
  expect(passing.code).toBe(0);

  sandbox.write("checkout/test/broken.test.ts", 'import "./nowhere.js";\n');
  const failing = await setUp({}, ["scripts/test.mjs"]);
  expect(failing.output).toMatch(/\n1 passed, 1 failed, 1 skipped\n$/);
  expect(failing.code).toBe(1);
});
