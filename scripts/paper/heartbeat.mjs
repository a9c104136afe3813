// Touches a claim while the process lives. Ends the process when another one has taken over, which may
// believe it dead after a pause.
import { existsSync, utimesSync } from "node:fs";
import { workerData } from "node:worker_threads";

const { file, beatMs } = workerData;
const next = file.replace(/\d+$/, (number) => String(Number(number) + 1));

setInterval(() => {
  if (existsSync(next)) process.kill(process.pid, "SIGTERM");
  else utimesSync(file, new Date(), new Date());
}, beatMs);
