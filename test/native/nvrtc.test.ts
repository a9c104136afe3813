import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { findNvrtcPython } from "../../scripts/setup/nvrtc.mjs";
import { needs } from "../needs.js";

const folder = join(import.meta.dirname, "../../native/ops/cuda");
const python = findNvrtcPython();
const needsNvrtc = needs(
  python !== undefined,
  "no CUDA run-time compiler",
  "`npm test` installs it where pip reaches a package index",
);

/** The types that training uses, as the macros of each kernel. */
const everyday: Record<string, readonly Record<string, string>[]> = {
  "adamw_soft_threshold.cu": scalars("float"),
  "effective_weights.cu": [
    { WEIGHT: "float", RESULT: "float", ADAPTER: "float" },
    { WEIGHT: "float", RESULT: "bfloat16", ADAPTER: "float" },
  ],
  "quick_gelu.cu": scalars("float", "bfloat16"),
};

/** Other types, which do not depend on the architecture. */
const rare: typeof everyday = {
  "adamw_soft_threshold.cu": scalars("bfloat16", "half", "double"),
  "effective_weights.cu": [
    { WEIGHT: "bfloat16", RESULT: "half", ADAPTER: "float" },
    { WEIGHT: "half", RESULT: "half", ADAPTER: "half" },
    { WEIGHT: "double", RESULT: "double", ADAPTER: "double" },
  ],
  "quick_gelu.cu": scalars("half", "double"),
};

function scalars(...types: string[]): Record<string, string>[] {
  return types.map((type) => ({ SCALAR: type }));
}

/** @returns for each build the compiler's log, or null where it compiled */
async function compile(
  builds: readonly (readonly [file: string, options: readonly string[]])[],
): Promise<unknown[]> {
  const script = join(import.meta.dirname, "nvrtc.py");
  const { stdout } = await promisify(execFile)(python as string, [script, folder, JSON.stringify(builds)]);
  return JSON.parse(stdout);
}

const options = (architecture: string, macros: Record<string, string>): string[] => [
  `--gpu-architecture=${architecture}`,
  "--std=c++17",
  ...Object.entries(macros).map(([macro, type]) => `-D${macro}=${type}`),
];

async function expectToCompile(variants: typeof everyday, architecture: string): Promise<void> {
  const builds = Object.entries(variants).flatMap(([file, types]) =>
    types.map((macros) => [file, options(architecture, macros)] as const),
  );
  const logs = await compile(builds);
  for (const [i, [file, used]] of builds.entries())
    expect.soft(logs[i], `${file} ${used.join(" ")}`).toBeNull();
}

describe("CUDA kernels", () => {
  it("are all compiled by this test", () => {
    const kernels = readdirSync(folder).filter((file) => file.endsWith(".cu"));
    expect(kernels.sort()).toEqual(Object.keys(everyday).sort());
  });

  describe("with NVRTC", needsNvrtc, () => {
    it.each(["sm_80", "sm_90", "sm_100"])("compile for %s", async (architecture) => {
      await expectToCompile(everyday, architecture);
    });

    it("compile for other types", async () => {
      await expectToCompile(rare, "sm_90");
    });

    it("are refused for a type that does not exist, with the compiler's log", async () => {
      const [log] = await compile([["quick_gelu.cu", options("sm_90", { SCALAR: "float8" })]]);
      expect(log).toMatch(/error 6: quick_gelu\.cu\(\d+\): error: .*float8/s);
    });
  });
});
