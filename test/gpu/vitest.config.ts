import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/gpu/**/*.test.ts"],
    pool: "forks", // libtorch is loaded once per process and cannot be unloaded
    maxWorkers: 1, // memory is measured, and there is one GPU
    testTimeout: 600_000,
  },
});
