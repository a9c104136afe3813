import { existsSync, readFileSync } from "node:fs";

/**
 * The instructions that ATen, oneDNN and MKL may use, in place of another processor. On processors not made
 * by Intel, MKL knows `COMPATIBLE` only.
 */
const instructionSets = [
  { name: "default", aten: "default", onednn: "SSE41", mkl: "COMPATIBLE", needs: [] },
  { name: "avx2", aten: "avx2", onednn: "AVX2", mkl: "AVX2", needs: ["avx2", "fma"] },
  {
    name: "avx512",
    aten: "avx512",
    onednn: "AVX512_CORE",
    mkl: "AVX512",
    // ATen takes the word for it, and its kernels would end the process with an illegal instruction.
    needs: ["avx512f", "avx512bw", "avx512dq", "avx512vl"],
  },
];

/**
 * The settings under which `npm run test:cpus` runs the tests.
 * @type {{ name: string, summary: string, environment: Record<string, string>, needs: string[] }[]} needs:
 * flags of /proc/cpuinfo
 */
export const settings = [
  ...instructionSets.flatMap(({ name, aten, onednn, mkl, needs }) =>
    [1, 2].map((threads) => {
      const instructions = { ATEN_CPU_CAPABILITY: aten, ONEDNN_MAX_CPU_ISA: onednn, MKL_CBWR: mkl };
      return setting(name, instructions, threads, needs);
    }),
  ),
  // As on a processor that MKL does not know, with everything else as fast as it gets.
  setting("compatible", { MKL_CBWR: "COMPATIBLE" }, 1),
  setting("machine", {}, 2),
];

function setting(name, instructions, threads, needs = []) {
  const words = Object.entries(instructions).map(([variable, value]) => `${variable}=${value}`);
  return {
    name: `${name}-${threads}`,
    summary: words.join(" ") || "what the libraries choose by themselves",
    environment: { ...instructions, CODYRA_TEST_THREADS: String(threads) },
    needs,
  };
}

/**
 * Files whose numbers depend on the processor. Reports, commands, downloads and the set-up compute nothing of
 * the kind.
 */
export const numericalTests = [
  ...["torch", "clip", "data", "lora", "methods", "native/ops", "protocol"].map((name) => `test/${name}/`),
  ...["checkpoints", "classify", "export", "pillow"].map((name) => `test/peers/${name}.test.ts`),
  ...["datasets", "cache"].map((name) => `--exclude=test/data/${name}/**`), // readers of files
  "--exclude=test/protocol/kill.test.ts", // every-method.test.ts resumes the same computations, in one process
];

/** The flags of this processor as Linux names them; none elsewhere. */
export function processorFlags(path = "/proc/cpuinfo") {
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  return new Set(/^flags\s*:(.*)$/m.exec(text)?.[1]?.trim().split(/\s+/) ?? []);
}
