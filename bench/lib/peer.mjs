import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { createInterface } from "node:readline";

const buildRecord = new URL("../../build/codyra-build.json", import.meta.url);

/**
 * The Python whose torch is measured: that of the libtorch codyra was built with, else `PYTHON`, else
 * `python3`.
 */
function python() {
  const built = existsSync(buildRecord) ? JSON.parse(readFileSync(buildRecord, "utf8")).python : null;
  return built ?? process.env.PYTHON ?? "python3";
}

/**
 * A Python script of `bench/peers/` that answers one request at a time, see `bench/peers/serve.py`.
 * @param interpreter a Python with more than torch, for peers that need it
 * @throws when that Python has no torch
 */
export async function startPeer(script, { threads, interpreter = python() }) {
  try {
    return await start(interpreter, script, `../peers/${script}`, threads);
  } catch (cause) {
    throw new Error(
      `The peer ${script} did not start with ${interpreter}: expected a Python with torch. ` +
        `Run \`npm run setup\`, or set PYTHON to such a one. ${cause.message}`,
      { cause },
    );
  }
}

/**
 * A script of `bench/contenders/` in a process of its own, see `bench/lib/serve.mjs`.
 * @param checkout whose script, and build. Default: this one
 */
export function startCodyra(script, { threads, env = {}, checkout }) {
  const path =
    checkout === undefined ? `../contenders/${script}` : resolve(checkout, "bench/contenders", script);
  return start(process.execPath, script, path, threads, env);
}

async function start(program, script, path, threads, env = {}) {
  const file = resolve(import.meta.dirname, path);
  const child = spawn(program, [file], { env: { ...process.env, OMP_NUM_THREADS: String(threads), ...env } });
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    complaints = (complaints + text).slice(-4000);
  });
  child.stdin.on("error", () => {}); // a process that died says why on stderr
  const spawned = new Promise((resolve, reject) => child.once("spawn", resolve).once("error", reject));
  const ended = new Promise((resolve) => child.once("close", resolve));
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();

  async function request(command, options = {}) {
    child.stdin.write(`${JSON.stringify({ command, ...options })}\n`);
    const { value, done } = await answers.next();
    if (done) throw new Error(`${script} stopped at '${command}':\n${complaints}`);
    return JSON.parse(value);
  }

  await spawned;
  const versions = await request("versions", { threads });
  /** Resolves when the process is gone and its memory free. */
  const stop = () => {
    child.stdin.end();
    return ended;
  };
  return { versions, pid: child.pid, request, stop };
}
