/**
 * @typedef {object} Stage
 * @property {string} name
 * @property {string[]} script a script of this project for Node, with its arguments
 * @property {boolean} [isNeeded] whether nothing after it can succeed without it
 * @property {boolean} [isBenchmark] whether it prints Markdown tables on stdout
 */

/** Sizes that end within eight minutes on one data-centre GPU, the build included. */
const cuda = [
  { name: "build", script: ["scripts/setup.mjs"], isNeeded: true },
  { name: "doctor", script: ["dist/cli/main.js", "doctor"], isNeeded: true },
  { name: "test:gpu", script: ["scripts/test-gpu.mjs"] },
  benchmark("step", ["--only", "64x100 bfloat16"], ["--rounds", "5"]),
  benchmark("task", ["--rounds", "1"]),
  benchmark("kernels", ["--rounds", "5"]),
  benchmark("eval", ["--rounds", "3"]),
  benchmark("dispatch", ["--rounds", "15"]),
];

/** The same stages at their smallest: they show that every part of the proof works, nothing about speed. */
const cpu = [
  { name: "build", script: ["scripts/setup.mjs"], isNeeded: true },
  { name: "doctor", script: ["dist/cli/main.js", "doctor"], isNeeded: true },
  { name: "test:gpu", script: ["scripts/test-gpu.mjs"] },
  benchmark("step", ["--model", "small", "--only", "16x100 float32 time fast"], ["--rounds", "1"]),
  benchmark("task", ["--model", "small", "--rounds", "1"]),
  benchmark("kernels", ["--only", "soft_threshold", "--rounds", "1"]),
  benchmark("eval", ["--model", "small", "--precision", "float32", "--rounds", "1"]),
  benchmark("dispatch", ["--rounds", "1"]),
];

/** @returns {Stage[]} in order: what matters most comes before the time is used up */
export function stagesFor(device) {
  const stages = { cuda, cpu }[device];
  return stages.map((stage) =>
    stage.isBenchmark ? { ...stage, script: [...stage.script, "--device", device] } : stage,
  );
}

function benchmark(name, ...options) {
  return { name, script: ["bench/main.mjs", name, ...options.flat()], isBenchmark: true };
}
