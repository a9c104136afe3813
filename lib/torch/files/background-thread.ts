/* The thread of `BackgroundFiles`. */

import { parentPort } from "node:worker_threads";
import type { WriteReply, WriteRequest } from "./background-file.js";
import { writeChunks } from "./write-chunks.js";

parentPort?.on("message", ({ path, chunks, checksumAt }: WriteRequest) => {
  let reply: WriteReply = {};
  try {
    writeChunks(path, chunks, checksumAt);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    reply = { error: { code, message } };
  }
  parentPort?.postMessage(reply);
});
