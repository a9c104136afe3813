// Writes the typed operator wrappers in lib/torch/ for the operators that scripts/operators.txt lists.
//
//     node scripts/generate-operators.mjs            write the files
//     node scripts/generate-operators.mjs --check    exit with 1 if the files are not what would be written
//     --schemas FILE    take them from a text file (the libtorch version, then one schema per line)

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { emitMethods, emitOperators } from "./generate/files.mjs";
import { nameOf, parseSchema } from "./generate/schema.mjs";

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** The version and schema texts of the libtorch that the addon is linked with, or of a file. */
export function readSchemas(file) {
  if (file !== undefined) {
    const [version, ...schemas] = readFileSync(file, "utf8").split("\n").filter(Boolean);
    return { version, schemas };
  }
  const addon = at("build/Release/codyra.node");
  if (!existsSync(addon))
    throw new Error(`${addon} is missing: the schemas come from it. Run \`npm run setup\`.`);
  const bridge = createRequire(import.meta.url)(addon);
  return { version: bridge.version(), schemas: bridge.schemas() };
}

/**
 * The sections of the list with their schemas.
 * @throws if an operator is listed twice or is not among the schemas
 */
export function readSections(list, schemas) {
  const byName = new Map(schemas.map((text) => [nameOf(text), text]));
  const seen = new Set();
  const find = (entry) => {
    const name = entry.includes("::") ? entry : `aten::${entry}`;
    const text = byName.get(name);
    if (text === undefined)
      throw new Error(
        `operators.txt: libtorch has no operator '${name}'. Correct the name and its overload.`,
      );
    if (seen.has(name)) throw new Error(`operators.txt: '${name}' is listed twice. Remove one.`);
    seen.add(name);
    return parseSchema(text);
  };
  const sections = [];
  for (const line of list.split("\n").filter((line) => line !== "" && !line.startsWith("#"))) {
    const heading = /^== (.*?)( \(methods\))?$/.exec(line);
    if (heading) sections.push({ title: heading[1], hasMethods: heading[2] !== undefined, functions: [] });
    else sections.at(-1).functions.push(line.split(" ").map(find));
  }
  return sections;
}

/** Path (from the repository root) and content of each generated file. */
export function generate({ version, schemas }) {
  const sections = readSections(readFileSync(at("scripts/operators.txt"), "utf8"), schemas);
  const release = version.replace(/\+.*/, ""); // builds for CPU and CUDA have the same schemas
  return [
    ["lib/torch/operators.generated.ts", emitOperators(sections, release)],
    ["lib/torch/tensor-methods.generated.ts", emitMethods(sections, release)],
  ].map(([path, code]) => ({ path, content: format(path, code) }));
}

function format(path, code) {
  const biome = at("node_modules/@biomejs/biome/bin/biome");
  // Under a name that biome.json does not leave out, as it does for generated files.
  const options = { cwd: at("."), input: code, encoding: "utf8", maxBuffer: 2 ** 26 };
  const run = spawnSync(process.execPath, [biome, "format", "--stdin-file-path=code.ts"], options);
  if (run.status !== 0) {
    throw new Error(`biome cannot format what the generator wrote for ${path}: ${run.error ?? run.stderr}`);
  }
  return run.stdout;
}

function main() {
  const { values } = parseArgs({ options: { check: { type: "boolean" }, schemas: { type: "string" } } });
  for (const { path, content } of generate(readSchemas(values.schemas))) {
    if (!values.check) {
      writeFileSync(at(path), content);
    } else if (readFileSync(at(path), "utf8") !== content) {
      console.error(`${path} is stale. Run: node scripts/generate-operators.mjs`);
      process.exitCode = 1;
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
