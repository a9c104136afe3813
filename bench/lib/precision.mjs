import { existsSync, readFileSync } from "node:fs";

/**
 * Whether matrix products in bfloat16 have instructions of their own. Elsewhere they are emulated, slower
 * than float32.
 */
export function hasBfloat16(device) {
  if (device !== "cpu") return true;
  const path = "/proc/cpuinfo";
  return existsSync(path) && /\b(avx512_bf16|amx_bf16|bf16)\b/.test(readFileSync(path, "utf8"));
}

export const withoutBfloat16 = "This CPU has no bfloat16 instructions: rows in bfloat16 are left out.";

/** The default precision of a run. */
export const defaultPrecision = (device) => (device === "cpu" ? "float32" : "bfloat16");
