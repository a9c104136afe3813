import { existsSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { addonPath, calmIdleThreads, isLoaded } from "./bridge.js";

/**
 * The libraries stay open as long as the thread lives, so it waits for the process to end. An error is that
 * of the main thread, too, which says what to do.
 */
const script = `
  const { parentPort, workerData } = require("node:worker_threads");
  try { process.dlopen({ exports: {} }, workerData); } catch {}
  parentPort.on("message", () => {});
`;

let isBegun = false;

/**
 * Has another thread open the addon with libtorch, a quarter of a second of work, while this one loads
 * JavaScript. For programs that are about to need it; this module loads nothing else of the layer.
 */
export function preloadAddon(): void {
  if (isBegun || isLoaded() || !existsSync(addonPath())) return;
  isBegun = true;
  calmIdleThreads();
  const thread = new Worker(script, { eval: true, workerData: addonPath(), execArgv: [] });
  thread.on("error", () => {}); // without it, the main thread opens the addon itself
  thread.unref();
}
