import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/gpu/**"], // `npm run test:gpu` runs these
    pool: "forks", // libtorch is loaded once per process and cannot be unloaded
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Each worker has a libtorch of its own; more threads than cores would slow both down.
    env: { OMP_NUM_THREADS: process.env.CODYRA_TEST_THREADS ?? "1" },
  },
});
