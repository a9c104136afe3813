import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { codyra, needsRealImages, realStream, startCodyra, temporaryFolder, writeConfig } from "./cli.js";

const timeout = 240_000;

describe("codyra launch", () => {
  it("stops all processes at Ctrl-C, and one process ends where an undisturbed run ends", {
    ...needsRealImages,
    timeout,
  }, async () => {
    const folder = temporaryFolder();
    const { options, datasets } = realStream();
    const stream = { ...realStream(), datasets: datasets.slice(0, 2) };
    const config = writeConfig(folder, { ...stream, options: { ...options, iterations: 60, logEvery: 1 } });
    const [directory, undisturbed] = [join(folder, "run"), join(folder, "undisturbed")];
    const run = ["run", "--config", config, "--output"];
    const { child, outcome } = startCodyra("launch", "--processes", "2", ...run, directory);
    onTestFinished(() => void child.kill("SIGKILL"));
    const events = join(directory, "events.jsonl");
    const isTraining = () =>
      existsSync(events) && readFileSync(events, "utf8").includes('"kind":"step","task":1');
    while (!isTraining() && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 10));
    child.kill("SIGINT");
    const { code, stderr } = await outcome;
    expect(code, stderr).toBe(130);
    expect(stderr).toContain("Processes  2, of ");
    expect(stderr).toContain(
      `To go on: codyra launch --processes 2 run --config ${config} --output ${directory} --resume\n`,
    );
    expect(stderr).not.toMatch(/\[rank 1\]|frame #/);

    expect((await codyra(...run, directory, "--resume-if-started")).code).toBe(0);
    expect((await codyra(...run, undisturbed)).code).toBe(0);
    for (const file of ["matrix.json", "ranks.json"])
      expect(readFileSync(join(directory, file), "utf8")).toBe(readFileSync(join(undisturbed, file), "utf8"));
  });

  it("refuses other commands, and tells what is wrong once", { timeout: 60_000 }, async () => {
    const other = await codyra("launch", "--processes", "2", "tables", "--runs", "x");
    expect(other).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/launch: expected run, got tables\./),
    });
    const missing = await codyra("launch", "-n", "2", "run", "--config", "nothing.yaml");
    expect(missing.code).toBe(1);
    expect(missing.stderr.match(/no such file/g)).toHaveLength(1);
  });
});
