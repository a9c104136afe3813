// Prepares a checkout or an installed package: `node scripts/setup.mjs [--native-only]`. npm runs it as its install script.
import { runSetUp } from "./setup/run.mjs";

// Set while `npm start` and `npm test` install the packages: they set up afterwards, with the progress in view.
if (process.env.CODYRA_SETUP !== "later") {
  const ready = await runSetUp({ nativeOnly: process.argv.includes("--native-only") });
  process.exitCode = ready ? 0 : 1;
}
