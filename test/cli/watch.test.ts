import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it, onTestFinished } from "vitest";
import { RunWatch } from "../../dist/cli/watch.js"; // its thread is a compiled file

/** A finished run whose page is larger than what sockets hold. */
function largeRun(): string {
  const folder = mkdtempSync(join(tmpdir(), "codyra-watch-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(join(import.meta.dirname, "../records/fixtures/before-records/finished"), folder, {
    recursive: true,
  });
  const path = join(folder, "run.json");
  const record = JSON.parse(readFileSync(path, "utf8"));
  const config = { ...record.config, model: "x".repeat(4_000_000) };
  writeFileSync(path, JSON.stringify({ ...record, config }));
  return folder;
}

/** Asks for what happens from now on. */
function follow(url: string): Socket {
  const { hostname, port, host } = new URL(url);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  socket.write(`GET /events HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  return socket;
}

it("drops a reader that does not read, and goes on for the others", async () => {
  const options = { port: 0, whenStopped: "", patienceMs: 200 };
  const watch = await RunWatch.listen(largeRun(), options);
  onTestFinished(() => watch[Symbol.asyncDispose]());
  follow(watch.url).pause();
  let received = 0;
  follow(watch.url).on("data", (chunk) => {
    received += chunk.length;
  });
  while (watch.readers < 2) await sleep(10);
  while (watch.readers > 1) {
    watch.changed();
    await sleep(50);
  }
  const before = received;
  expect(before).toBeGreaterThan(4_000_000);
  while (received < before + 4_000_000) {
    watch.changed();
    await sleep(50);
  }
  expect(watch.readers).toBe(1);
});
