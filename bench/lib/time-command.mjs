import { spawn } from "node:child_process";

/** Bash's own `time` counts the processor time of a process and all that it started and waited for. */
const script = 'TIMEFORMAT="%R %U %S"; time "$@"';

/**
 * Runs a program to its end.
 * @param {Record<string, string>} env added to this process's
 * @param {string} [cwd] working directory
 * @returns {Promise<{ seconds: number, cpuSeconds: number, stdout: string, stderr: string }>}
 * @throws with what it said, if it fails
 */
export async function timeCommand(program, args, env, cwd) {
  const options = { cwd, env: { ...process.env, ...env } };
  const child = spawn("bash", ["-c", script, "bash", program, ...args], options);
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    stderr += text;
  });
  const code = await new Promise((resolve, reject) => child.once("close", resolve).once("error", reject));
  if (code !== 0) throw new Error(`${program} ${args[0]} ended with ${code}:\n${stderr.slice(-4000)}`);
  const lines = stderr.trim().split("\n");
  const [seconds, user, system] = lines.pop().split(" ").map(Number);
  return { seconds, cpuSeconds: user + system, stdout, stderr: lines.join("\n") };
}
