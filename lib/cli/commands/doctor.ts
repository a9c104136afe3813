import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Command } from "commander";
import { packageRoot } from "../../files/index.js";
import { bf16Instructions } from "../input/processor.js";

/** A problem: what happened, what was expected, and what to do. */
interface Problem {
  readonly what: string;
  readonly expected: string;
  readonly fix: string;
}

interface Libtorch {
  readonly version: string;
  readonly path: string;
  readonly source: "LIBTORCH" | "python" | "private environment";
}

interface Compiler {
  readonly name: string;
  readonly version: string;
  readonly path: string;
}

/** The output of `codyra doctor --json`. */
export interface Diagnosis {
  readonly node: string;
  readonly platform: string;
  readonly cpu: {
    readonly model: string;
    readonly cores: number;
    /** Instructions for `--precision bf16`; without any it is slow. */
    readonly bf16: readonly string[];
  };
  readonly libtorch: Libtorch | null;
  /** Path of libcodyra_ops, for `torch.ops.load_library`. */
  readonly opsLibrary: string | null;
  /** A Python whose torch is this libtorch. */
  readonly python: string | null;
  readonly cuda: { readonly available: boolean; readonly devices: readonly string[] };
  /** The compiler that built the addon, or would build it. */
  readonly compiler: Compiler | null;
  /** The package that the addon is from, where nothing was compiled. */
  readonly prebuilt: string | null;
  readonly addon: { readonly loads: boolean; readonly path: string; readonly error?: string };
  /**
   * The library that decodes JPEG files: libjpeg if the addon was built with it, else sharp, which is several
   * times slower.
   */
  readonly jpegDecoder: "libjpeg" | "sharp";
  /**
   * Among those that a launcher started: `torchrun`, `srun` or `codyra launch`; null for a process by itself.
   */
  readonly processes: {
    readonly rank: number;
    readonly worldSize: number;
    readonly threads: number;
    /** The address at which they meet. */
    readonly at: string;
  } | null;
  readonly cacheDirectory: string;
  readonly ok: boolean;
  readonly problems: readonly Problem[];
}

/**
 * The part of `scripts/setup/index.mjs` that only looks. The set-up is plain JavaScript: it runs before `tsc`
 * is there.
 */
interface SetUp {
  toSetupError(error: unknown): Problem;
  checkMachine(): string;
  cacheDirectory(): string;
  findToolchain(): Promise<{ compiler: Compiler }>;
  locateLibtorch(): Promise<(Libtorch & { python: string | null }) | null>;
  readBuildRecord():
    | {
        libtorch: Libtorch;
        opsLibrary: string;
        python: string | null;
        compiler: Compiler | null;
        prebuilt?: string;
      }
    | undefined;
}

/** `codyra doctor`: what codyra runs on, and what to do about whatever is missing. */
export function doctorCommand(): Command {
  return new Command("doctor")
    .description("Report what codyra runs on, and how to get what is missing.")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  $ codyra doctor --json | jq .libtorch.version")
    .action(async ({ json }: { json?: boolean }) => {
      const diagnosis = await diagnose();
      console.log(json ? JSON.stringify(diagnosis, null, 2) : formatDiagnosis(diagnosis));
      process.exitCode = diagnosis.ok ? 0 : 1;
    });
}

/** Looks at everything and installs nothing; works whether or not the addon has been built. */
export async function diagnose(): Promise<Diagnosis> {
  const setUp = (await import(join(packageRoot, "scripts/setup/index.mjs"))) as SetUp;
  const problems: Problem[] = [];
  const attempt = async <T>(check: () => T | Promise<T>): Promise<T | null> => {
    try {
      return await check();
    } catch (error) {
      const { what, expected, fix } = setUp.toSetupError(error);
      problems.push({ what, expected, fix });
      return null;
    }
  };

  await attempt(setUp.checkMachine);
  const record = setUp.readBuildRecord();
  const found = record ? { ...record.libtorch, python: record.python } : await attempt(setUp.locateLibtorch);
  const compiler = record ? record.compiler : ((await attempt(setUp.findToolchain))?.compiler ?? null);
  const { addon, cudaDevices, jpegDecoder } = await loadAddon(record !== undefined);
  if (!addon.loads) problems.push(addonProblem(addon, record?.libtorch));
  const processes = addon.loads ? await attempt(findProcesses) : null;

  return {
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    cpu: { model: cpus()[0]?.model ?? "unknown", cores: cpus().length, bf16: bf16Instructions() },
    libtorch: found && { version: found.version, path: found.path, source: found.source },
    opsLibrary: record?.opsLibrary ?? null,
    python: found?.python ?? null,
    cuda: { available: cudaDevices > 0, devices: await nameCudaDevices(cudaDevices) },
    compiler,
    prebuilt: record?.prebuilt ?? null,
    addon,
    jpegDecoder,
    processes: processes ?? null,
    cacheDirectory: setUp.cacheDirectory(),
    ok: problems.length === 0,
    problems,
  };
}

interface LoadedAddon extends Pick<Diagnosis, "addon" | "jpegDecoder"> {
  readonly cudaDevices: number;
}

async function loadAddon(isBuilt: boolean): Promise<LoadedAddon> {
  const path = join(packageRoot, "build/Release/codyra.node");
  const without = (error: string): LoadedAddon => ({
    addon: { loads: false, path, error },
    cudaDevices: 0,
    jpegDecoder: "sharp",
  });
  if (!isBuilt) return without("it has not been built");
  try {
    const { cuda, images } = await import("../../torch/index.js");
    return {
      addon: { loads: true, path },
      cudaDevices: cuda.deviceCount(),
      jpegDecoder: images.hasJpegDecoder() ? "libjpeg" : "sharp",
    };
  } catch (error) {
    return without((error as Error).message);
  }
}

/** Place of this process among those of a launcher. @throws if its variables do not fit together */
async function findProcesses(): Promise<Diagnosis["processes"]> {
  const { distributed } = await import("../../torch/index.js");
  const place = distributed.environment();
  if (place === undefined) return null;
  const { rank, worldSize, host, port } = place;
  return { rank, worldSize, threads: distributed.threadsOf(place), at: `${host}:${port}` };
}

function addonProblem(addon: Diagnosis["addon"], libtorch: Libtorch | undefined): Problem {
  const isLibtorchGone = libtorch !== undefined && !existsSync(libtorch.path);
  return {
    what: isLibtorchGone
      ? `The libtorch that the addon was built against is gone: ${libtorch.path}.`
      : `The addon does not load: ${addon.error}.`,
    expected: `${addon.path}, built against the libtorch that is installed`,
    fix: `Run \`npm run setup\` in ${packageRoot}.`,
  };
}

/** Names as the driver knows them; libtorch's own order is kept where the driver's tool is missing. */
async function nameCudaDevices(count: number): Promise<string[]> {
  if (count === 0) return [];
  const query = ["--query-gpu=name,memory.total", "--format=csv,noheader"];
  const { stdout } = await promisify(execFile)("nvidia-smi", query).catch(() => ({ stdout: "" }));
  const names = stdout.trim().split("\n");
  return Array.from({ length: count }, (_, device) => `cuda:${device} ${names[device] ?? ""}`.trim());
}

function formatDiagnosis(diagnosis: Diagnosis): string {
  const { cpu, libtorch, compiler, cuda, addon, problems } = diagnosis;
  const rows = {
    node: `${diagnosis.node}, ${diagnosis.platform}`,
    processor: `${cpu.model}, ${cpu.cores} cores, ${cpu.bf16.length > 0 ? `bf16 by ${cpu.bf16.join(", ")}` : "no bf16"}`,
    CUDA: cuda.available ? cuda.devices.join("; ") : "none",
    libtorch: libtorch ? `${libtorch.version} (${libtorch.source}) ${libtorch.path}` : "not found",
    python: diagnosis.python ?? "none with this torch",
    compiler: compiler
      ? `${compiler.name} ${compiler.version} (${compiler.path})`
      : diagnosis.prebuilt
        ? `none: the addon is from ${diagnosis.prebuilt}`
        : "not found",
    addon: `${addon.loads ? "loads" : "does not load"} ${addon.path}`,
    operators: diagnosis.opsLibrary ?? "not built",
    JPEG:
      diagnosis.jpegDecoder === "libjpeg"
        ? "libjpeg"
        : "sharp; faster with libjpeg's headers and a new `npm run setup`",
    processes: formatProcesses(diagnosis.processes),
    cache: diagnosis.cacheDirectory,
  };
  const lines = Object.entries(rows).map(([name, value]) => `${name.padEnd(10)} ${value}`);
  const advice = problems.map(
    ({ what, expected, fix }) => `${what}\n  Expected  ${expected}\n  To fix    ${fix}`,
  );
  return [lines.join("\n"), ...advice].join("\n\n");
}

function formatProcesses(processes: Diagnosis["processes"]): string {
  if (processes === null) return "one; codyra launch, torchrun or srun start several";
  const { rank, worldSize, threads, at } = processes;
  return `rank ${rank} of ${worldSize}, with ${threads} thread${threads > 1 ? "s" : ""} for each operator, meeting at ${at}`;
}
