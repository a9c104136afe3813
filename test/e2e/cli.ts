import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { onTestFinished } from "vitest";
import { stringify } from "yaml";
import { needs } from "../needs.js";

const root = resolve(import.meta.dirname, "../..");

/** Real photographs in folders; they are not part of the repository. */
export const realImages = resolve(root, "../shared/data/realmini");
export const hasRealImages = existsSync(realImages);
export const needsRealImages = needs(
  hasRealImages,
  "no ../shared/data/realmini",
  "photographs that are not part of the repository",
);

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs the compiled command as a user would. */
export function codyra(...args: string[]): Promise<Outcome> {
  return startCodyra(...args).outcome;
}

export function startCodyra(...args: string[]): { child: ChildProcess; outcome: Promise<Outcome> } {
  const child = spawn(process.execPath, [join(root, "dist/cli/main.js"), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    stderr += text;
  });
  const outcome = new Promise<Outcome>((done, fail) => {
    child.on("error", fail);
    child.on("close", (code) => done({ code, stdout, stderr }));
  });
  return { child, outcome };
}

/** A directory that is removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "codyra-e2e-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes `config.yaml` into a folder. @returns its path */
export function writeConfig(folder: string, config: unknown): string {
  const path = join(folder, "config.yaml");
  writeFileSync(path, typeof config === "string" ? config : stringify(config));
  return path;
}

/** A stream of three small real datasets that is learned in a second or two. */
export function realStream(overrides: Record<string, unknown> = {}) {
  const dataset = (name: string, template: string, ...classes: string[]) => ({
    name,
    root: join(realImages, name),
    template,
    classes,
  });
  return {
    name: "real",
    shots: 4,
    options: { iterations: 10, batchSize: 12, rank: 4, learningRate: 0.002, kappaMax: 0.05, logEvery: 5 },
    datasets: [
      dataset("flowers", "a photo of a {}, a type of flower.", "daisy", "rose", "tulip"),
      dataset("mnist", "a photo of the number {}.", "one", "two", "three"),
      dataset("satellite", "a satellite photo of a {}.", "forest", "parking_lot"),
    ],
    ...overrides,
  };
}
