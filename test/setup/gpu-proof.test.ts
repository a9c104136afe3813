import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { runCommand } from "../../scripts/setup/command.mjs";

const folder = mkdtempSync(join(tmpdir(), "codyra-gpu-proof-"));
afterAll(() => rmSync(folder, { recursive: true }));

const script = resolve(import.meta.dirname, "../../scripts/gpu-proof.sh");

// Vitest's own variables would reach the tests that the proof runs.
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("VITEST")));

async function prove(...options: string[]): Promise<{ code: number; output: string; proof: string }> {
  const to = join(folder, "proof.md");
  const { code, output } = await runCommand("bash", [script, "--device", "cpu", "--to", to, ...options], {
    env,
  });
  return { code, output, proof: readFileSync(to, "utf8") };
}

test("a dry run on the CPU passes every stage and holds every benchmark's table", async () => {
  const { code, output, proof } = await prove("--minutes", "30");
  expect(code, output.slice(-4000)).toBe(0);
  expect(proof).toContain("All 8 stages passed.");
  const headings = [...proof.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading);
  expect(headings).toEqual(["step", "task", "kernels", "eval", "dispatch"]);
  expect(proof).toMatch(/^- Python: torch \d+\.\d+/m);
  expect(proof).toMatch(/^\| add \| .* \| PyTorch .* \| \d+\.\d\d \| 0\.75 \| (yes|no) \|$/m);
});

test("a proof without time fails, and names what did not run", async () => {
  const { code, proof } = await prove("--minutes", "0.00001");
  expect(code).toBe(1);
  expect(proof).toContain("8 of 8 stages did not pass: build, doctor, test:gpu");
  expect(proof).toMatch(/^\| build \| (out of time|not run) \| 0 \|$/m);
});

test("options that do not exist are refused", async () => {
  const { code, output } = await runCommand("bash", [script, "--device", "tpu"], { env });
  expect(code).toBe(2);
  expect(output).toContain("--device must be cuda or cpu, got 'tpu'.");
});
