import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";

/**
 * The processor's instructions for bfloat16, such as `avx512_bf16`; none where `bf16` is slower than `fp32`.
 */
export function bf16Instructions(): string[] {
  const cpuinfo = "/proc/cpuinfo";
  if (existsSync(cpuinfo)) {
    const found = readFileSync(cpuinfo, "utf8").match(/\b(avx512_bf16|amx_bf16|bf16)\b/g);
    return [...new Set(found)];
  }
  const isAppleWithout = /Apple M1\b/.test(cpus()[0]?.model ?? "");
  return process.platform === "darwin" && !isAppleWithout ? ["bf16"] : [];
}
