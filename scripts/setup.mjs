// Prepares a checkout or an installed package: `node scripts/setup.mjs [--native-only | --with-packages]`.
// npm runs it as its install script.
import { runSetUp } from "./setup/run.mjs";

// Set while `npm start` and `npm test` install the packages: they set up afterwards, with the progress in
// view.
if (process.env.CODYRA_SETUP !== "later") {
  const withPackages = process.argv.includes("--with-packages"); // as in a fresh clone, before the script that was asked for
  const nativeOnly = process.argv.includes("--native-only");
  const ready = await runSetUp({ nativeOnly, withPackages, quiet: withPackages });
  process.exitCode = ready ? 0 : 1;
}
