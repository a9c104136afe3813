import { readdirSync } from "node:fs";
import { expect, it } from "vitest";
import { kernels } from "./emulator.js";

it("every CUDA kernel is emulated", () => {
  const stems = (folder: string, extension: string) =>
    readdirSync(folder)
      .filter((file) => file.endsWith(extension))
      .map((file) => file.slice(0, -extension.length));
  expect(stems(kernels, ".cu")).toEqual(stems(import.meta.dirname, ".cc").filter((name) => name !== "block"));
});
