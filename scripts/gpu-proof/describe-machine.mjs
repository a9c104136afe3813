import { cpus } from "node:os";
import { runCommand } from "../setup/command.mjs";
import { readBuildRecord } from "../setup/index.mjs";
import { chosenPython } from "../setup/python.mjs";

const torchVersions = `
import torch
print(f"torch {torch.__version__}, CUDA {torch.version.cuda}")
`;

/** @returns {Promise<string[]>} lines about processor, GPU, driver, compilers, torch, or what is missing */
export async function describeMachine() {
  const query = ["--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"];
  const programs = [
    ["GPU", "nvidia-smi", query],
    ["nvcc", "nvcc", ["--version"]],
    ["compiler", "c++", ["--version"]],
    ["Python", pythonWithTorch(), ["-c", torchVersions]],
  ];
  const lines = await Promise.all(
    programs.map(async ([label, program, args]) => {
      const { code, output } = await runCommand(program, args);
      return `${label}: ${code === 0 ? pick(label, output) : `\`${program}\` gave nothing`}`;
    }),
  );
  return [`processor: ${cpus()[0]?.model ?? "unknown"}, ${cpus().length} threads`, ...lines];
}

/** The line of a program's answer that holds its version. */
function pick(label, output) {
  const lines = output.trim().split("\n");
  if (label === "nvcc") return lines.find((line) => line.includes("release"))?.trim() ?? lines[0];
  return label === "Python" ? lines.at(-1) : lines[0];
}

function pythonWithTorch() {
  if (process.env.LIBTORCH_USE_PYTORCH === "1") return chosenPython();
  return readBuildRecord()?.python ?? chosenPython();
}
