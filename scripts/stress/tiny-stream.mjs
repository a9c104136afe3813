// A stream of two small datasets, drawn, and the command that learns it in seconds.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import sharp from "sharp";
import { packageRoot } from "../setup/files.mjs";
import { runNode } from "./child.mjs";

const colours = { red: "#d02020", green: "#20c040", blue: "#2040d0", grey: "#808080" };

const configuration = `protocol: x-tail
model: miniature
method: codyra
shots: 3
seed: 8
options: { iterations: 12, batchSize: 6, rank: 2, learningRate: 0.005, kappaMax: 0.1, logEvery: 2 }
datasets:
  - { name: warm, root: data/warm }
  - { name: cold, root: data/cold }
`;

/** Writes images and a configuration. @returns the path of the latter */
export async function makeStream(folder) {
  for (const [dataset, classes] of Object.entries({ warm: ["red", "grey"], cold: ["blue", "green"] })) {
    for (const [part, count] of Object.entries({ train: 4, test: 3 })) {
      for (const name of classes) {
        const place = join(folder, "data", dataset, part, name);
        mkdirSync(place, { recursive: true });
        for (let i = 0; i < count; i++) {
          const background = colours[name];
          const picture = { create: { width: 30 + i, height: 33, channels: 3, background } };
          await sharp(picture)
            .png()
            .toFile(join(place, `${part}-${i}.png`));
        }
      }
    }
  }
  const path = join(folder, "stream.yaml");
  writeFileSync(path, configuration);
  return path;
}

/** `codyra run` on a stream, by several processes or one. @param {Parameters<typeof runNode>[1]} options */
export function runStream(config, output, { resume = false, processes = 1, ...options } = {}) {
  const args = ["run", "--config", config, "--name", "stress", "--output", output, "--no-cache"];
  if (resume) args.push("--resume");
  const launch = processes > 1 ? ["launch", "--processes", String(processes)] : [];
  return runNode([join(packageRoot, "dist/cli/main.js"), ...launch, ...args], options);
}

/** Fields that differ between two runs of the same stream: times and memory. */
const volatile = new Set([
  ...["time", "seconds", "imagesPerSecond", "peakResidentBytes", "durationSeconds"],
  ...["memory", "startedAt", "finishedAt", "gitRevision"],
]);
const withoutVolatile = (key, value) => (volatile.has(key) ? undefined : value);

/** All files of a run by their paths, without what differs from run to run. */
export function readRun(directory) {
  const files = new Map();
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const content = readFileSync(path);
    const name = relative(directory, path);
    if (name.endsWith(".json")) files.set(name, normalised(content.toString()));
    else if (name.endsWith(".jsonl"))
      files.set(name, content.toString().trimEnd().split("\n").map(normalised).join("\n"));
    else if (!name.endsWith(".html")) files.set(name, content.toString("base64"));
  }
  return files;
}

const normalised = (json) => JSON.stringify(JSON.parse(json, withoutVolatile));

/** Names of the files that two runs do not have alike. */
export function differences(one, other) {
  return [...new Set([...one.keys(), ...other.keys()])].filter((name) => one.get(name) !== other.get(name));
}
