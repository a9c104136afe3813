import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const packageRoot = fileURLToPath(new URL("../../", import.meta.url));

/**
 * A throw-away checkout with the real set-up scripts, its own cache directory, and a PATH of made-up
 * programs.
 */
export class Sandbox {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), "codyra-setup-")));
  readonly checkout = join(this.folder, "checkout");
  readonly bin = join(this.folder, "bin");
  readonly cache = join(this.folder, "cache");

  constructor() {
    mkdirSync(this.bin);
    cpSync(join(packageRoot, "scripts"), join(this.checkout, "scripts"), { recursive: true });
    for (const file of ["package.json", "vite.config.ts", "vite.cli.config.ts"])
      cpSync(join(packageRoot, file), join(this.checkout, file));
    this.write("checkout/CMakeLists.txt", "");
    this.write("checkout/native/empty.cc", "");
  }

  write(path: string, text: string): string {
    const full = join(this.folder, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, text);
    return full;
  }

  linkNodeModules(): void {
    symlinkSync(join(packageRoot, "node_modules"), join(this.checkout, "node_modules"));
  }

  /** Puts a program on PATH; `script` is the body of a CommonJS file that reads `args`. */
  program(name: string, script: string): string {
    const path = join(this.bin, name);
    const text = `#!${process.execPath}\nconst args = process.argv.slice(2);\n${script}\n`;
    writeFileSync(path, text, { mode: 0o755 });
    return path;
  }

  /** Compiler, CMake and ninja as far as their versions go. */
  toolchain(): void {
    this.program("g++", "console.log('g++ (Debian) 12.2.0')");
    this.program("cmake", "console.log('cmake version 3.25.1')");
    this.program("ninja", "");
  }

  /** A directory that looks like libtorch. */
  libtorch(version: string, path = `libtorch-${version}`): string {
    const extension = process.platform === "darwin" ? "dylib" : "so";
    this.write(`${path}/lib/libtorch_cpu.${extension}`, "");
    this.write(`${path}/lib/libc10.${extension}`, "");
    this.write(`${path}/include/ATen/ATen.h`, "");
    this.write(`${path}/build-version`, `${version}\n`);
    return join(this.folder, path);
  }

  /** Runs a set-up script and collects what it printed; `onOutput` is told all that was printed so far. */
  run(
    environment: Record<string, string> = {},
    args = ["scripts/setup.mjs"],
    onOutput: (output: string) => void = () => {},
  ): Promise<{ code: number | null; output: string }> {
    // Nothing is installed for the whole machine unless a test means it.
    const own = { PATH: this.bin, HOME: this.folder, XDG_CACHE_HOME: this.cache, CODYRA_APT: "off" };
    const env = { ...own, ...environment };
    const child = spawn(process.execPath, args, {
      cwd: this.checkout,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        output += text;
        onOutput(output);
      });
    }
    return new Promise((resolve) => child.on("close", (code) => resolve({ code, output })));
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
