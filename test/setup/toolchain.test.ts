import { afterEach, beforeEach, expect, test } from "vitest";
import { Sandbox } from "./sandbox.js";

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = new Sandbox();
});
afterEach(() => sandbox[Symbol.dispose]());

async function expectProblem(what: string, expected: string, environment = {}): Promise<void> {
  const { code, output } = await sandbox.run({ LIBTORCH: sandbox.libtorch("2.13.0"), ...environment });
  expect(code).toBe(1);
  expect(output).toContain(`codyra set-up stopped. ${what}`);
  expect(output).toMatch(new RegExp(`Expected +${expected}`));
  expect(output).toMatch(/To fix +\S/);
  expect(output).not.toMatch(/^ +at /m); // a stack trace
}

test("no compiler", () => expectProblem("No C++ compiler was found", "g\\+\\+ 11 or clang\\+\\+ 14"));

test("a compiler that is too old", async () => {
  sandbox.program("g++", "console.log('g++ (GCC) 9.4.0')");
  await expectProblem("The C++ compiler is too old: g++ 9.4.0", "g\\+\\+ 11");
});

test("a newer clang++ is taken where g++ is too old", async () => {
  sandbox.program("g++", "console.log('g++ (GCC) 9.4.0')");
  sandbox.program("clang++", "console.log('clang version 16.0.6')");
  await expectProblem("CMake was not found", "cmake 3.18");
});

test("CXX names a compiler that is not there", () =>
  expectProblem("No C++ compiler was found (tried CXX=no-such-compiler)", "g\\+\\+ 11", {
    CXX: "no-such-compiler",
  }));

test("CMake that is too old", async () => {
  sandbox.toolchain();
  sandbox.program("cmake", "console.log('cmake version 3.10.2')");
  await expectProblem("CMake 3.10.2 is too old", "cmake 3.18");
});

test("neither ninja nor make", async () => {
  sandbox.program("g++", "console.log('g++ (Debian) 12.2.0')");
  sandbox.program("cmake", "console.log('cmake version 3.25.1')");
  await expectProblem("Neither ninja nor make was found", "one of them on PATH");
});

test("packages that are not installed", async () => {
  sandbox.toolchain();
  await expectProblem("The packages that the build needs are not installed", "node_modules");
});
