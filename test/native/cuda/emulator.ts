import { execFile, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { type DType, fromTypedArray, type Tensor } from "../../../lib/torch/index.js";
import { readBuildRecord } from "../../../scripts/setup/index.mjs";
import { needs } from "../../needs.js";

export const kernels = join(import.meta.dirname, "../../../native/ops/cuda");
const programs = join(import.meta.dirname, "../../../build/cuda-emulation");
const compiler = readBuildRecord()?.compiler?.path ?? "g++";
const flags = [
  ...["-std=c++20", "-O1", "-g1", "-Wall", "-Werror", "-Wno-unknown-pragmas"],
  ...["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fsanitize-sections=shared"],
  ...[`-I${import.meta.dirname}`, `-I${kernels}`],
];

/** For `describe`: kernels are emulated where g++ has sanitizers and 16-bit floating-point numbers. */
export const needsEmulator = needs(
  canEmulate(),
  "no g++ that emulates CUDA kernels",
  "on Linux, g++ 12 or newer with its libasan and libubsan",
);

function canEmulate(): boolean {
  const input = "int main(int count, char**) { return static_cast<_Float16>(count) != 1; }";
  return spawnSync(compiler, [...flags, "-xc++", "-", "-o", "/dev/null"], { input }).status === 0;
}

/** The kernels' names for what tensors hold. */
export const scalars = {
  float: "float32",
  double: "float64",
  bfloat16: "bfloat16",
  half: "float16",
} as const satisfies Record<string, DType>;

export type Scalar = keyof typeof scalars;

/** An argument that begins `offset` bytes after an aligned address; null in place of an array. */
export type Argument = { readonly tensor: Tensor; readonly offset?: number } | null;

/**
 * Compiles a kernel and the program around it, both named after it, unless an earlier run has.
 * @param macros those that choose its types
 * @returns the program's path
 */
export async function compileKernel(name: string, macros: Readonly<Record<string, string>>): Promise<string> {
  const definitions = Object.entries(macros).map(([macro, value]) => `-D${macro}=${value}`);
  const sources = [`${name}.cc`, "block.cc"].map((file) => join(import.meta.dirname, file));
  const hash = createHash("sha256").update(JSON.stringify([compiler, flags, definitions]));
  for (const folder of [import.meta.dirname, kernels]) {
    const files = readdirSync(folder).filter((file) => /\.(cu|cuh|h)$/.test(file));
    for (const file of files.sort()) hash.update(readFileSync(join(folder, file)));
  }
  for (const file of sources) hash.update(readFileSync(file));
  const program = join(programs, `${name}-${hash.digest("hex").slice(0, 16)}`);
  if (!existsSync(program)) {
    mkdirSync(programs, { recursive: true });
    const temporary = `${program}-${process.pid}`;
    const { LD_PRELOAD, ...env } = process.env; // sanitizers, for the program and not for its compiler
    const args = [...flags, ...definitions, "-xc++", ...sources, "-o", temporary];
    await promisify(execFile)(compiler, args, { env });
    renameSync(temporary, program);
  }
  return program;
}

/**
 * Runs a kernel on its arguments.
 * @param results tensors of the dtype and shape of what the program writes, in its order
 * @throws with what the sanitizers say
 */
export function runKernel(
  program: string,
  numbers: readonly (number | boolean)[],
  args: readonly Argument[],
  results: readonly Tensor[],
): Tensor[] {
  const { stdout, stderr, status, signal } = spawnSync(program, numbers.map(Number).map(String), {
    input: Buffer.concat(args.flatMap(encode)),
    maxBuffer: 1 << 28,
    env: { ...process.env, ASAN_OPTIONS: "detect_leaks=0" },
  });
  if (status !== 0) throw new Error(`${program} ended with ${status ?? signal}.\n${stderr}`);
  let start = 0;
  return results.map((like) => {
    const array = like.toTypedArray();
    const bytes = new Uint8Array(array.buffer);
    bytes.set(stdout.subarray(start, start + bytes.length));
    start += bytes.length;
    return fromTypedArray(array, like.shape, { dtype: like.dtype });
  });
}

function encode(argument: Argument): Uint8Array[] {
  if (argument === null) return [new Uint8Array(new BigInt64Array([0n, 0n]).buffer)];
  const bytes = new Uint8Array(argument.tensor.toTypedArray().buffer);
  const header = new BigInt64Array([BigInt(argument.offset ?? 0), BigInt(bytes.length)]);
  return [new Uint8Array(header.buffer), bytes];
}
