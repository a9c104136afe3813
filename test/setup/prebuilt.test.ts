import { mkdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommand } from "../../scripts/setup/command.mjs";
import { needs } from "../needs.js";
import { Sandbox } from "./sandbox.js";

const needsLinux = needs(process.platform === "linux", "not Linux", "run on Linux");
const realTools = { PATH: process.env.PATH ?? "", CXX: process.env.CXX ?? "" };
const name = `@codyra/${process.platform}-${process.arch}`;
const cmake = `cmake_minimum_required(VERSION 3.18)
  project(codyra LANGUAGES CXX)
  add_library(codyra_ops SHARED native/ops.cc)
  add_library(codyra SHARED native/bridge.cc)
  set_target_properties(codyra PROPERTIES PREFIX "" SUFFIX ".node")
  target_include_directories(codyra PRIVATE \${CMAKE_JS_INC})
  set(CODYRA_OUTPUT "\${CMAKE_SOURCE_DIR}/build/Release" CACHE PATH "")
  set_target_properties(codyra codyra_ops PROPERTIES LIBRARY_OUTPUT_DIRECTORY "\${CODYRA_OUTPUT}")`;
const bridge = "#include <node_api.h>\nNAPI_MODULE_INIT() { (void)env; return exports; }\n";

/** A project of two small files. */
function project(): Sandbox {
  const sandbox = new Sandbox();
  sandbox.write("checkout/CMakeLists.txt", cmake);
  sandbox.write("checkout/native/ops.cc", "int two() { return 2; }\n");
  sandbox.write("checkout/native/bridge.cc", bridge);
  sandbox.write("checkout/LICENSE", "");
  return sandbox;
}

/** The same project where the package is installed, on a machine without a compiler. */
let user: Sandbox;
let libtorch: string;
const setUp = (environment = {}) =>
  user.run({ LIBTORCH: libtorch, ...environment }, ["scripts/setup.mjs", "--native-only"]);
const record = () => JSON.parse(readFileSync(join(user.checkout, "build/codyra-build.json"), "utf8"));

beforeAll(async () => {
  using maker = project();
  maker.linkNodeModules();
  const environment = { ...realTools, LIBTORCH: maker.libtorch("2.13.0") };
  const { code, output } = await maker.run(environment, ["scripts/prebuilt.mjs"]);
  if (process.platform !== "linux") return;
  expect(output).toMatch(/codyra-linux-\w+-\d+\.\d+\.\d+\.tgz\n$/);
  expect(code).toBe(0);
  user = project();
  libtorch = user.libtorch("2.13.1+cpu");
  const installed = join(user.checkout, "node_modules", name);
  mkdirSync(installed, { recursive: true });
  const archive = output.trim().split("\n").at(-1) as string;
  await runCommand("tar", ["-xzf", archive, "--strip-components=1", "-C", installed]);
}, 120_000);
afterAll(() => user?.[Symbol.dispose]());

test("its libraries are taken where no compiler is, and find libtorch beside them", needsLinux, async () => {
  const { code, output } = await setUp();
  expect(output).toMatch(new RegExp(`addon of ${name} \\d+\\.\\d+\\.\\d+ +loads in \\d`));
  expect(code).toBe(0);
  expect(record()).toMatchObject({ compiler: null, prebuilt: expect.stringContaining(name) });
  expect(readlinkSync(join(user.checkout, "build/Release/libtorch"))).toBe(join(libtorch, "lib"));
  expect((await setUp()).output).toMatch(/native build +up to date/);
});

test("another libtorch, CUDA or other sources mean compiling, with the reason", needsLinux, async () => {
  const older = await setUp({ LIBTORCH: user.libtorch("2.12.0") });
  expect(older.output).toContain("No C++ compiler was found");
  const compiling = { ...realTools, LIBTORCH: user.libtorch("2.12.0") };
  expect((await setUp(compiling)).output).toContain("is for libtorch 2.13, not 2.12: the addon is compiled");

  const cuda = user.libtorch("2.13.0", "with-cuda");
  user.write("with-cuda/lib/libtorch_cuda.so", "");
  expect((await setUp({ ...realTools, LIBTORCH: cuda })).output).toContain("libtorch has CUDA: the addon");

  user.write("checkout/native/bridge.cc", `${bridge}// changed\n`);
  expect((await setUp(realTools)).output).toContain("is of another version of codyra: the addon");
  user.write("checkout/native/bridge.cc", bridge);
});

test("CODYRA_PREBUILT=off compiles without a word", needsLinux, async () => {
  const { output } = await setUp({ CODYRA_PREBUILT: "off" });
  expect(output).toContain("No C++ compiler was found");
  expect(output).not.toContain(name);
});

test("libraries that do not load are told, and the addon is compiled", needsLinux, async () => {
  rmSync(join(user.checkout, "build"), { recursive: true, force: true });
  user.write(`checkout/node_modules/${name}/codyra.node`, "no library");
  const { output } = await setUp(realTools);
  expect(output).toMatch(
    /does not load, so the addon is compiled here\. .*(file too short|invalid ELF header)/,
  );
});
