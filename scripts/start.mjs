// `npm start`: everything that a fresh clone needs, then `codyra demo` with the arguments given after `--`.
import { join } from "node:path";
import { runInForeground } from "./setup/command.mjs";
import { packageRoot } from "./setup/files.mjs";
import { runSetUp } from "./setup/run.mjs";

const ready = await runSetUp({ withPackages: true, quiet: true });
process.exitCode = ready
  ? await runInForeground(process.execPath, [
      join(packageRoot, "dist/cli/main.js"),
      "demo",
      ...process.argv.slice(2),
    ])
  : 1;
