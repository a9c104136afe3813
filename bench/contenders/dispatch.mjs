/** Operator calls of the build in the checkout `CODYRA_CHECKOUT`. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { microsecondsPerCall, operatorLoops } from "../lib/operator-loops.mjs";
import { serve, versionsOf } from "../lib/serve.mjs";

const index = pathToFileURL(join(process.env.CODYRA_CHECKOUT, "dist/index.js"));
const { torch } = await import(index.href);
let device;
let loops;

function load(options) {
  torch.manualSeed(options.seed);
  device = options.device;
  loops = operatorLoops(torch, device);
}

function measure({ operator, calls }) {
  return microsecondsPerCall(torch, loops[operator], calls, device);
}

await serve({ versions: versionsOf(torch), load, measure });
