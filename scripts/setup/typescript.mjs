import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "./command.mjs";
import { SetupError } from "./failure.mjs";
import { hashFiles, packageRoot, readJson, writeJson } from "./files.mjs";

const configuration = join(packageRoot, "tsconfig.json");
const pageConfiguration = join(packageRoot, "vite.config.ts");
const cliConfiguration = join(packageRoot, "vite.cli.config.ts");
const output = join(packageRoot, "dist");
const recordPath = join(packageRoot, "build/typescript.json");

/** Whether dist/ is up to date. A package from the registry ships dist/ and no tsconfig.json. */
export function isCompiled() {
  if (!existsSync(configuration)) return true;
  return existsSync(output) && readJson(recordPath)?.sources === sources();
}

/**
 * Compiles lib/ to dist/, the browser's part of the report page to one script, and the command line to few
 * files.
 */
export async function compileTypescript() {
  const compiler = join(packageRoot, "node_modules/typescript/bin/tsc");
  const bundler = join(packageRoot, "node_modules/vite/bin/vite.js");
  if (!existsSync(compiler) || !existsSync(bundler)) {
    throw new SetupError({
      what: "TypeScript or Vite is not installed, and dist/ is missing or older than lib/.",
      expected: "the development packages of package.json in node_modules",
      fix: "Run `npm install --include=dev`.",
    });
  }
  const compiled = sources();
  rmSync(output, { recursive: true, force: true });
  await compile("`tsc`", [compiler, "-p", configuration]);
  for (const configuration of [pageConfiguration, cliConfiguration]) {
    await compile("`vite build`", [bundler, "build", packageRoot, "--config", configuration]);
  }
  writeJson(recordPath, { sources: compiled });
}

async function compile(name, command) {
  const { code, output: messages } = await runCommand(process.execPath, command);
  if (code === 0) return;
  const lacksPackage = /Cannot find (?:module|package) '[^./]/.test(messages);
  throw new SetupError({
    what: "The TypeScript sources do not compile.",
    expected: `${name} to find no error in lib/`,
    fix: lacksPackage
      ? "Run `npm install --include=dev`, which installs the packages that package.json names by now."
      : "Correct these lines; `npm run build` prints all of them.",
    details: messages.trimEnd().split("\n").slice(0, 10),
  });
}

function sources() {
  return hashFiles([join(packageRoot, "lib"), configuration, pageConfiguration, cliConfiguration]);
}
