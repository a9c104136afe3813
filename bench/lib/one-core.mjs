import { spawnSync } from "node:child_process";

/**
 * Binds processes to one core. On a shared machine one core may be half as fast as another for seconds, which
 * a comparison across cores would measure.
 * @returns a function that sets them free again; undefined where binding is not possible, as it is only on
 * Linux
 */
export function bindToOneCore(...processes) {
  const before = spawnSync("taskset", ["-p", "-c", String(process.pid)], { encoding: "utf8" });
  const cores = before.status === 0 ? before.stdout.trim().split(": ").at(-1) : undefined;
  if (cores === undefined) return undefined;
  const bind = (list) =>
    processes.every((pid) => spawnSync("taskset", ["-a", "-p", "-c", list, String(pid)]).status === 0);
  return bind(cores.split(/[,-]/)[0]) ? () => bind(cores) : undefined;
}
