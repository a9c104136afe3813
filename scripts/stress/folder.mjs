import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Runs a function in a temporary folder, which stays if it found something. */
export async function inFolder(counts, run) {
  const folder = mkdtempSync(join(tmpdir(), "codyra-stress-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once("exit", remove);
  try {
    await run(folder);
  } finally {
    process.off("exit", remove);
    if (counts.findings.length === 0) remove();
    else console.error(`  kept: ${folder}`);
  }
}
