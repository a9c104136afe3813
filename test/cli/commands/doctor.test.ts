import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test, vi } from "vitest";
import { type Diagnosis, diagnose, doctorCommand } from "../../../lib/cli/commands/doctor.js";

const packageRoot = fileURLToPath(new URL("../../../", import.meta.url));

afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

test("a machine that is set up is reported as ready", async () => {
  const diagnosis = await diagnose();
  expect(diagnosis.problems).toEqual([]);
  expect(diagnosis.ok).toBe(true);
  expect(diagnosis.node).toBe(process.versions.node);
  expect(diagnosis.libtorch?.version).toMatch(/^2\.\d+\.\d+/);
  expect(["LIBTORCH", "python", "private environment"]).toContain(diagnosis.libtorch?.source);
  expect(diagnosis.opsLibrary).toMatch(/build\/Release\/libcodyra_ops\.(so|dylib)$/);
  expect(diagnosis.addon).toEqual({ loads: true, path: join(packageRoot, "build/Release/codyra.node") });
  expect(diagnosis.cuda.devices.length > 0).toBe(diagnosis.cuda.available);
  expect(diagnosis.cpu.cores).toBeGreaterThan(0);
  for (const name of diagnosis.cpu.bf16) expect(name).toMatch(/bf16$/);
});

test("--json prints the diagnosis, the default a line for each part", async () => {
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  await doctorCommand().parseAsync(["--json"], { from: "user" });
  await doctorCommand().parseAsync([], { from: "user" });
  const [json, text] = log.mock.calls.map(([line]) => String(line));
  expect(JSON.parse(json!)).toEqual(await diagnose());
  expect(text).toMatch(/^libtorch +2\.\d+\.\d+\S* \(.+\) \//m);
  expect(process.exitCode).toBe(0);
});

test("it says what a launcher has set, and how many threads that gives", async () => {
  const variables = {
    RANK: "1",
    WORLD_SIZE: "4",
    LOCAL_WORLD_SIZE: "64",
    MASTER_ADDR: "a",
    MASTER_PORT: "7",
  };
  for (const [name, value] of Object.entries({ ...variables, OMP_NUM_THREADS: "1" })) vi.stubEnv(name, value);
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  await doctorCommand().parseAsync([], { from: "user" });
  vi.unstubAllEnvs();
  expect(log.mock.calls[0]?.[0]).toMatch(
    /^processes +rank 1 of 4, with 1 thread for each operator, meeting at a:7$/m,
  );
});

test("without a build it says what to do and exits with 1", async () => {
  const checkout = mkdtempSync(join(tmpdir(), "codyra-doctor-"));
  try {
    for (const part of ["package.json", "scripts", "dist"]) {
      cpSync(join(packageRoot, part), join(checkout, part), { recursive: true });
    }
    for (const name of ["commander", "zod"]) {
      const path = join("node_modules", name);
      cpSync(join(packageRoot, path), join(checkout, path), { recursive: true });
    }
    const script =
      "const { doctorCommand } = await import('./dist/cli/commands/doctor.js'); await doctorCommand().parseAsync(['--json'], { from: 'user' });";
    const { code, stdout } = await run(["--input-type=module", "-e", script], checkout);
    const diagnosis = JSON.parse(stdout) as Diagnosis;
    expect(code).toBe(1);
    expect(diagnosis.ok).toBe(false);
    expect(diagnosis.addon.loads).toBe(false);
    expect(diagnosis.problems.at(-1)?.what).toBe("The addon does not load: it has not been built.");
    expect(diagnosis.problems.at(-1)?.fix).toContain("npm run setup");
  } finally {
    rmSync(checkout, { recursive: true });
  }
});

function run(args: string[], cwd: string): Promise<{ code: number; stdout: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd }, (error, stdout) =>
      resolve({ code: Number(error?.code ?? 0), stdout }),
    );
  });
}
