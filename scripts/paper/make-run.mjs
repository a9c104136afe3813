// `node make-run.mjs CLAIM ARGUMENT...`: runs `codyra ARGUMENT...` in this process while it holds the claim;
// exit code 75 where another process does.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { packageRoot } from "../setup/files.mjs";
import { tryClaim } from "./claims.mjs";

const [claimPath, ...args] = process.argv.slice(2);
const claim = tryClaim(claimPath);
if (claim) {
  const main = join(packageRoot, "dist", "cli", "main.js");
  process.argv = [process.execPath, main, ...args];
  await import(pathToFileURL(main).href);
} else {
  process.exitCode = 75;
}
