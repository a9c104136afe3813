import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** The library that reads and writes YAML. It has 70 files, and most command lines have nothing for it. */
export function yaml(): typeof import("yaml") {
  return require("yaml") as typeof import("yaml");
}
