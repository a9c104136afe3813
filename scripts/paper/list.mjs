import { duration, failureOf, isRunning } from "./run-all.mjs";

/** The plan, group by group, with the state, time, disk and command of every run, and what is left in sum. */
export function describePlan(runs, folder, estimates, { device, jobs }) {
  const groups = [...new Set(runs.map(({ group }) => group))];
  const lines = groups.flatMap((group) => [
    `${group.name}: ${group.for}`,
    ...[...runs.keys()]
      .filter((i) => runs[i].group === group)
      .map((i) => `  ${describeRun(runs[i], folder, estimates[i])}`),
    "",
  ]);
  const open = [...runs.keys()].filter((i) => !runs[i].isFinished());
  const sum = (key) => open.reduce((total, i) => total + estimates[i][key], 0);
  const time =
    open.length > 0
      ? `; left: about ${duration((1000 * sum("seconds")) / jobs)} on ${device}, ${jobs} at a time, and ${size(sum("bytes"))}`
      : "";
  return `${lines.join("\n")}${runs.length} runs, ${runs.length - open.length} finished${time}\n`;
}

function describeRun(run, folder, { seconds, bytes }) {
  const reason = failureOf(folder, run);
  const command = `codyra ${run.args.map(quoted).join(" ")}`;
  if (run.isFinished()) return `finished  ${run.id}`;
  const state = isRunning(folder, run) ? "running " : reason ? "failed  " : "open    ";
  return [
    `${state}  ${run.id}  ~${duration(1000 * seconds)}  ${size(bytes)}  ${command}`,
    ...(reason ? [`            ${reason}`] : []),
  ].join("\n");
}

function quoted(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function size(bytes) {
  return bytes < 1e9 ? `${Math.ceil(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}
