// node downloader.mjs URL PATH OPTIONS: downloads with options in JSON; prints the bytes so far, and what
// went wrong on stderr.
import { download } from "../../dist/download/index.js";

const [url, path, options] = process.argv.slice(2);
try {
  await download(url, path, {
    ...JSON.parse(options),
    onProgress: (done) => process.stdout.write(`${done}\n`),
    onWait: (lock) => process.stdout.write(`waits for ${lock}\n`),
  });
} catch (error) {
  process.stderr.write(error.message);
  process.exitCode = 1;
}
