import { mkdir, rename, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../results/", import.meta.url));

/** Writes one run to `bench/results/` under its name and start. @returns the path */
export async function saveRun(record) {
  await mkdir(folder, { recursive: true });
  const path = `${folder}${record.benchmark}-${record.startedAt.replaceAll(":", "")}.json`;
  await writeFile(`${path}.tmp`, `${JSON.stringify(record, null, 2)}\n`);
  await rename(`${path}.tmp`, path);
  return path;
}
