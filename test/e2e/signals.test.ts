import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { outcome } from "../protocol/tiny-run.js";
import { codyra, startCodyra, temporaryFolder } from "./cli.js";
import { drawnStream, steps } from "./drawn-stream.js";

it("every signal ends a run in order and with its exit code, and none costs more than an iteration", async () => {
  const folder = temporaryFolder();
  const config = await drawnStream(folder);
  const [undisturbed, disturbed] = [join(folder, "undisturbed"), join(folder, "disturbed")];
  expect(await codyra("run", "--config", config, "--output", undisturbed)).toMatchObject({ code: 0 });
  const attempts = [
    ["SIGTERM", 143, 10],
    ["SIGHUP", 129, 40],
    ["SIGINT", 130, 80],
  ] as const;
  for (const [signal, code, after] of attempts) {
    const { child, outcome } = startCodyra("run", "--config", config, "--output", disturbed, "--resume");
    onTestFinished(() => void child.kill("SIGKILL"));
    while (steps(disturbed) < after && child.exitCode === null) await new Promise((go) => setTimeout(go, 5));
    child.kill(signal);
    child.kill(signal); // as terminals and npx do: it is one
    const { code: found, stderr } = await outcome;
    expect(found, `${signal}: ${stderr}`).toBe(code);
    expect(stderr.match(/Stopping after this iteration/g)).toHaveLength(1);
    expect(existsSync(join(disturbed, "stages"))).toBe(true);
    const done = steps(disturbed);
    expect(done).toBeGreaterThanOrEqual(after);
  }
  expect(await codyra("run", "--config", config, "--output", disturbed, "--resume")).toMatchObject({
    code: 0,
  });
  const withoutReport = (directory: string) => {
    const { others, ...rest } = outcome(directory);
    return { ...rest, others: others.filter(([path]) => path !== "report.html") };
  };
  expect(withoutReport(disturbed)).toEqual(withoutReport(undisturbed));
});
