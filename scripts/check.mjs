// `npm run check`: formatting, lint and types of all sources, C++ included. Every check runs, so that one
// call shows everything that is to correct.
import { join } from "node:path";
import { runInForeground } from "./setup/command.mjs";
import { formatProblem, toSetupError } from "./setup/failure.mjs";
import { packageRoot } from "./setup/files.mjs";
import { arePackagesInstalled, installPackages } from "./setup/packages.mjs";
import { createReport } from "./setup/report.mjs";

const compiler = "node_modules/typescript/bin/tsc";
const checks = [
  { name: "Biome", command: ["node_modules/@biomejs/biome/bin/biome", "check"] },
  { name: "types of lib/", command: [compiler, "--noEmit"] },
  { name: "types of the report page", command: [compiler, "-p", "lib/report/page/client"] },
  { name: "layout of native/", command: ["scripts/format-native.mjs", "--check"] },
];

try {
  if (!arePackagesInstalled())
    await createReport().run("npm packages", "installed in", () => installPackages());
  const failed = [];
  for (const {
    name,
    command: [script, ...options],
  } of checks) {
    const command = [join(packageRoot, script), ...options];
    const code = await runInForeground(process.execPath, command, { cwd: packageRoot });
    if (code !== 0) failed.push(name);
  }
  console.log(failed.length > 0 ? `check failed: ${failed.join(", ")}` : `${checks.length} checks passed`);
  process.exitCode = failed.length > 0 ? 1 : 0;
} catch (error) {
  console.error(`\ncodyra check stopped. ${formatProblem(toSetupError(error))}\n`);
  process.exitCode = 1;
}
