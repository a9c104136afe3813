// `npm run test:gpu`: the tests on an NVIDIA GPU, or those named after `--`. Without a GPU they are skipped,
// and one line says why.
import { join } from "node:path";
import { runInForeground } from "./setup/command.mjs";
import { packageRoot } from "./setup/files.mjs";
import { readBuildRecord } from "./setup/index.mjs";
import { runSetUp } from "./setup/run.mjs";

const ready = await runSetUp({ withPackages: true, quiet: true });
if (ready) await explainSkipping();
const vitest = join(packageRoot, "node_modules/vitest/vitest.mjs");
const tests = ["run", "--config", "test/gpu/vitest.config.ts", "--root", ".", ...process.argv.slice(2)];
process.exitCode = ready
  ? await runInForeground(process.execPath, [vitest, ...tests], { cwd: packageRoot })
  : 1;

async function explainSkipping() {
  const { torch } = await import("../dist/index.js");
  if (torch.cuda.isAvailable()) return;
  const { version } = readBuildRecord().libtorch;
  console.error(
    `GPU tests are skipped: libtorch ${version} finds no CUDA device. \`npx codyra doctor\` tells what is there.`,
  );
}
