import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/gpu/**"], // `npm run test:gpu` runs these
    pool: "forks", // libtorch is loaded once per process and cannot be unloaded
    maxWorkers: 2,
    // Many times what a test needs on an idle machine: what hangs ends, what shares its cores does not.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // Each worker has a libtorch of its own; more threads than cores would slow both down. `npm run test:cpus` asks for two all the same.
    env: { OMP_NUM_THREADS: process.env.CODYRA_TEST_THREADS ?? "1" },
  },
});
