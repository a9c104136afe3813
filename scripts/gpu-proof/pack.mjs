import { copyFileSync, mkdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "../setup/command.mjs";
import { packageRoot } from "../setup/files.mjs";
import { runSetUp } from "../setup/run.mjs";

const folder = ".gpu-proof";
const archive = `${folder}/packages.tar.xz`;

/** Neither build, tests on a GPU nor benchmarks load these; the TypeScript sources travel compiled. */
const leftOut = ["@biomejs", "@shikijs", "@types", "lunr", "playwright-core", "typedoc", "typescript"];

/**
 * Packs this machine's Node, node_modules and the compiled TypeScript. A machine of the same kind that has
 * neither Node nor network unpacks the archive into a checkout.
 */
export async function pack() {
  if (!(await runSetUp({ withPackages: true, quiet: true }))) {
    process.exitCode = 1;
    return;
  }
  mkdirSync(join(packageRoot, folder), { recursive: true });
  copyFileSync(process.execPath, join(packageRoot, folder, "node"));
  process.stderr.write("gpu-proof: packing Node and the packages, a minute or two\n");
  const excluded = leftOut.map((name) => `--exclude=node_modules/${name}`);
  const packed = [`${folder}/node`, "node_modules", "dist", "build/typescript.json"];
  const { code, output } = await runCommand("tar", ["-cJf", archive, ...excluded, ...packed], {
    cwd: packageRoot,
  });
  rmSync(join(packageRoot, folder, "node"));
  if (code !== 0) {
    process.stderr.write(`gpu-proof: tar failed.\n${output}`);
    process.exitCode = 1;
    return;
  }
  const mebibytes = Math.ceil(statSync(join(packageRoot, archive)).size / 2 ** 20);
  process.stdout.write(
    `${archive}: ${mebibytes} MiB. Bring it along with the checkout, then run: bash scripts/gpu-proof.sh\n`,
  );
}
