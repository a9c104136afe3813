import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { expect, it, onTestFinished } from "vitest";
import { withLock } from "../../lib/files/index.js";
import { needs } from "../needs.js";
import { sendFile, serve, sha256, someBytes, temporaryFolder } from "./server.js";

const content = someBytes(300_000);
const checked = { sha256: sha256(content) };
const script = join(import.meta.dirname, "downloader.mjs");

function start(url: string, path: string, options: object, ...wrapper: string[]): ChildProcess {
  const [command, ...args] = [...wrapper, process.execPath, script, url, path, JSON.stringify(options)];
  const child = spawn(command as string, args, { stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

async function outcome(child: ChildProcess): Promise<{ code: number; stdout: string; stderr: string }> {
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    once(child, "close"),
  ]);
  return { code, stdout, stderr };
}

it("a killed download goes on in the next process", async () => {
  const { url, requests } = await serve((request, response, count) =>
    sendFile(request, response, content, { hangAfter: count === 1 ? 200_000 : undefined }),
  );
  const folder = temporaryFolder();
  const path = join(folder, "file");
  const child = start(url, path, checked);
  for await (const line of createInterface({ input: child.stdout! })) if (line === "200000") break;
  child.kill("SIGKILL");
  await once(child, "close");
  expect(readdirSync(folder).sort()).toEqual(["file.lock", "file.part", "file.part.json"]);

  const { code, stdout } = await outcome(start(url, path, checked));
  expect(code).toBe(0);
  expect(stdout).not.toContain("waits"); // for a lock whose owner is dead
  expect(requests[1]?.headers.range).toBe("bytes=200000-");
  expect(readFileSync(path).equals(content)).toBe(true);
  expect(readdirSync(folder)).toEqual(["file"]);
});

it("of processes that want the same file one downloads and the others wait", async () => {
  let allow = () => {};
  const othersWait = new Promise<void>((done) => {
    allow = done;
  });
  const { url, requests } = await serve((request, response) => {
    void othersWait.then(() => sendFile(request, response, content));
  });
  const folder = temporaryFolder();
  const path = join(folder, "file");
  const children = [1, 2, 3].map(() => start(url, path, checked));
  let waiting = 0;
  for (const { stdout } of children) {
    stdout!.on("data", (printed) => {
      if (String(printed).includes("waits") && ++waiting === 2) allow();
    });
  }
  const outcomes = await Promise.all(children.map(outcome));
  expect(outcomes.map(({ code }) => code)).toEqual([0, 0, 0]);
  expect(outcomes.filter(({ stdout }) => stdout === `waits for ${path}.lock\n`)).toHaveLength(2);
  expect(requests).toHaveLength(1);
  expect(readFileSync(path).equals(content)).toBe(true);
  expect(readdirSync(folder)).toEqual(["file"]);
});

it("a full disk is said in words, and the download goes on when there is space", async () => {
  const { url, requests } = await serve((request, response) => sendFile(request, response, content));
  const path = join(temporaryFolder(), "file");
  const limited = start(url, path, checked, "bash", "-c", 'ulimit -f 100; exec "$@"', "bash"); // KiB
  const { code, stderr } = await outcome(limited);
  expect(code).toBe(1);
  expect(stderr).toBe(
    `${path}.part: expected space to write to, but the disk is full (EFBIG). Free some and run it again: it goes on where it was.`,
  );
  expect(existsSync(path)).toBe(false);
  const kept = statSync(`${path}.part`).size;
  expect(kept).toBe(100 * 1024);
  expect((await outcome(start(url, path, checked))).code).toBe(0);
  expect(requests[1]?.headers.range).toBe(`bytes=${kept}-`);
  expect(readFileSync(path).equals(content)).toBe(true);
});

const mount = ["unshare", "--user", "--map-root-user", "--mount"];

const needsMount = needs(canMount(), "no right to mount a file system", "allow user namespaces");

it("so is a full file system", needsMount, async () => {
  const { url } = await serve((request, response) => sendFile(request, response, content));
  const folder = temporaryFolder();
  const onTmpfs = ["bash", "-c", `mount -t tmpfs -o size=128k tmpfs '${folder}' && exec "$@"`, "bash"];
  const { code, stderr } = await outcome(
    start(url, join(folder, "file"), { ...checked, retries: 0 }, ...mount, ...onTmpfs),
  );
  expect(code).toBe(1);
  expect(stderr).toContain("file.part: expected space to write to, but the disk is full (ENOSPC).");
});

function canMount(): boolean {
  try {
    execFileSync(mount[0] as string, [...mount.slice(1), "mount", "-t", "tmpfs", "tmpfs", "/mnt"], {
      stdio: "ignore",
    });
    return true;
  } catch {
    return false;
  }
}

it("waiting for a lock can be aborted", async () => {
  const path = join(temporaryFolder(), "file");
  const controller = new AbortController();
  const { signal } = controller;
  await withLock(path, async () => {
    const waiting = withLock(path, async () => {}, { signal, onWait: () => controller.abort() });
    await expect(waiting).rejects.toThrow();
  });
  expect(existsSync(`${path}.lock`)).toBe(false);
});

it("takes turns within a process, also when an action fails", async () => {
  const path = join(temporaryFolder(), "file");
  let running = 0;
  const action = (fails: boolean) => async () => {
    expect(++running).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    running--;
    if (fails) throw new Error("failed");
  };
  const all = await Promise.allSettled([true, false, true].map((fails) => withLock(path, action(fails))));
  expect(all.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "rejected"]);
});
