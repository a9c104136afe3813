import { execFile } from "node:child_process";
import { join } from "node:path";

/**
 * Runs a script of `children/`, on the compiled library in dist/, and reads the JSON on its last line.
 * @param args node's own options, the script, its arguments
 * @throws if it exits with another code than 0, with what it printed and with `hint`
 */
export function runChild<T>(args: string[], hint = ""): Promise<T> {
  return new Promise((resolve, reject) => {
    const options = {
      cwd: join(import.meta.dirname, "children"),
      env: { ...process.env, OMP_NUM_THREADS: "1" },
    };
    execFile(process.execPath, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(JSON.parse(stdout.trimEnd().split("\n").at(-1) as string));
      else reject(new Error(`${error.message}\n${stderr.slice(-2000)}\nSignal: ${error.signal}. ${hint}`));
    });
  });
}
