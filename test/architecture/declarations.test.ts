import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { expect, it, onTestFinished } from "vitest";

const root = resolve(import.meta.dirname, "../..");

it("a strict project without the DOM's types compiles against the declarations", async () => {
  const project = mkdtempSync(join(tmpdir(), "codyra-types-"));
  onTestFinished(() => rmSync(project, { recursive: true }));
  mkdirSync(join(project, "node_modules"));
  symlinkSync(root, join(project, "node_modules/codyra"));
  symlinkSync(join(root, "node_modules/@types"), join(project, "node_modules/@types"));
  const program =
    'import { clip } from "codyra";\nexport const load = (path: string) => clip.loadModel(path);\n';
  writeFileSync(join(project, "program.mts"), program);
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const flags =
    "--noEmit --strict --module nodenext --target es2022 --lib es2022 --skipLibCheck false --exactOptionalPropertyTypes --types node";
  const { stdout } = await promisify(execFile)(process.execPath, [tsc, ...flags.split(" "), "program.mts"], {
    cwd: project,
  }).catch((error) => error);
  expect(stdout).toBe("");
});
