import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { downloadCommand } from "../../../lib/cli/commands/download.js";
import { loadModel } from "../../../lib/clip/index.js";
import { locateModel, miniatureModel, resolveModel } from "../../../lib/experiment/models.js";
import { serveHub, type TestHub } from "../../download/hub.js";
import { temporaryFolder } from "../../download/server.js";

// The command listens for signals as long as the process lives.
vi.mock("../../../lib/cli/interrupt.js", () => ({ abortOnInterrupt: () => new AbortController() }));

const repository = "owner/tiny-clip";
const files = new Map(
  readdirSync(miniatureModel).map((name) => [name, readFileSync(join(miniatureModel, name))]),
);

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

/** Standard output and standard error of the command. */
async function codyraDownload(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const stdout = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  const stderr = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const command = downloadCommand().exitOverride();
  await command.parseAsync(args, { from: "user" });
  const text = (spy: typeof stdout) => spy.mock.calls.map(([line]) => line).join("");
  return { stdout: text(stdout), stderr: text(stderr) };
}

function hub(served: ReadonlyMap<string, Buffer> = files): Promise<TestHub> {
  return serveHub({ repository, files: served });
}

describe("codyra download", () => {
  it("puts the model where --model owner/name finds it", async () => {
    vi.stubEnv("XDG_CACHE_HOME", temporaryFolder());
    expect(() => resolveModel(repository)).toThrow(
      "owner/tiny-clip: expected a path or a downloaded model, but there is neither. Fetch it with: codyra download owner/tiny-clip",
    );
    const { stdout } = await codyraDownload(repository, "--endpoint", (await hub()).url);
    const directory = join(process.env.XDG_CACHE_HOME as string, "codyra/models/owner/tiny-clip");
    expect(stdout).toBe(`${directory}\n`);
    expect(resolveModel(repository)).toBe(directory);
    const [model, original] = [loadModel(directory), loadModel(miniatureModel)];
    expect(model.config).toEqual(original.config);
    expect(model.stateDict().get("logit_scale")?.item()).toBe(
      original.stateDict().get("logit_scale")?.item(),
    );
  });

  it("writes where it is told and prints JSON", async () => {
    const to = join(temporaryFolder(), "tiny");
    const { stdout } = await codyraDownload(
      repository,
      "--to",
      to,
      "--endpoint",
      (await hub()).url,
      "--json",
    );
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({ repository, revision: "main", directory: to, pickled: false });
    expect(result.files).toHaveLength(files.size);
    expect(readdirSync(to).sort()).toEqual([...files.keys()].sort());
  });

  it("says that pickled weights need consent", async () => {
    const served = new Map([...files, ["pytorch_model.bin", Buffer.from("pickle")] as const]);
    served.delete("model.safetensors");
    const to = join(temporaryFolder(), "tiny");
    const { stderr } = await codyraDownload(repository, "--to", to, "--endpoint", (await hub(served)).url);
    expect(stderr).toContain("Its weights are pickled: give --allow-pickle where it is used.");
  });

  it("refuses another form of name as wrong usage", async () => {
    await expect(codyraDownload("clip")).rejects.toMatchObject({ name: "UsageError" });
    await expect(codyraDownload()).rejects.toMatchObject({ name: "CommanderError" });
  });
});

describe("resolveModel", () => {
  it("knows the miniature and paths", () => {
    const folder = temporaryFolder();
    expect(resolveModel("miniature")).toBe(miniatureModel);
    expect(resolveModel("miniature-v2")).toBe(`${miniatureModel}-v2`);
    expect(resolveModel(folder)).toBe(folder);
    expect(locateModel(basename(folder), dirname(folder))).toBe(folder);
    expect(locateModel("owner/name", folder)).toBe("owner/name");
  });

  it("refuses the folder of a run, with the way to its model", () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "run.json"), "{}");
    expect(() => resolveModel(folder)).toThrow(
      `${folder}: the folder of a run: expected a model. Write what it learned as one with: codyra export --run ${folder} --to DIR`,
    );
  });

  it("refuses a path where nothing is", () => {
    const folder = temporaryFolder();
    rmSync(folder, { recursive: true });
    expect(() => resolveModel(folder)).toThrow(
      `${folder}: expected a model's folder or file, but there is none.`,
    );
  });
});
