import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export function temporaryDirectory() {
  return mkdtemp(join(tmpdir(), "codyra-bench-"));
}
