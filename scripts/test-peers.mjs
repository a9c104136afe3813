// `npm run test:peers`: the tests against Python packages, after installing these into a private environment.
import { join } from "node:path";
import { runInForeground } from "./setup/command.mjs";
import { packageRoot } from "./setup/files.mjs";
import { runSetUp } from "./setup/run.mjs";

const ready = await runSetUp({ withPackages: true, quiet: true, peers: "needed" });
const vitest = join(packageRoot, "node_modules/vitest/vitest.mjs");
const tests = process.argv.length > 2 ? process.argv.slice(2) : ["test/peers"];
process.exitCode = ready
  ? await runInForeground(process.execPath, [vitest, "run", ...tests], { cwd: packageRoot })
  : 1;
