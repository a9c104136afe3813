// `npm run format` and `npm run check`: formats C++ as .clang-format says. `--check` changes nothing and
// fails if a file would change. Files may be named; the default is all of native/.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { format } from "@wasm-fmt/clang-format";
import { formatProblem } from "./setup/failure.mjs";
import { packageRoot } from "./setup/files.mjs";

const { values, positionals } = parseArgs({
  options: { check: { type: "boolean", default: false } },
  allowPositionals: true,
});
const style = readFileSync(join(packageRoot, ".clang-format"), "utf8");
const files = positionals.length > 0 ? positionals : sourcesBelow(join(packageRoot, "native"));
const changed = files.filter(reformat);

if (values.check && changed.length > 0) {
  const problem = {
    what: `${changed.length} of ${files.length} C++ files are not formatted:`,
    expected: "the layout of .clang-format",
    fix: "Run `npm run format`.",
    details: changed.map((path) => relative(process.cwd(), path)),
  };
  console.error(formatProblem(problem));
  process.exitCode = 1;
}

/** @returns whether the file's layout is another than that of the style */
function reformat(path) {
  const source = readFileSync(path, "utf8");
  const formatted = format(source, path, style);
  if (formatted === source) return false;
  if (!values.check) writeFileSync(path, formatted);
  return true;
}

function sourcesBelow(folder) {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile() && /\.(cc|cu|cuh|h)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}
