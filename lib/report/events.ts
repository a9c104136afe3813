import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";
import { parseJson, parseWith } from "./parse.js";

const count = z.int().nonnegative();
const seconds = z.number().nonnegative();

const peaks = { peakResidentBytes: count.optional(), peakDeviceBytes: count.optional() };

const eventSchemas = {
  step: z.object({
    task: count,
    step: count,
    // JSON has no NaN: a loss that is not finite arrives as null.
    loss: z.number().nullable(),
  }),
  "task-end": z.object({ task: count, seconds, ...peaks }),
  evaluation: z.object({ task: z.int().min(-1), seconds, ...peaks }),
};

/** One logged training step. */
export interface TrainingStep {
  task: number;
  /** Counted from the start of the task. */
  step: number;
  /** `null` where it was not finite. */
  loss: number | null;
}

/** What the phases of a run took. */
export interface RunPhases {
  /** `undefined` where no event says so. */
  trainingSeconds: number | undefined;
  evaluationSeconds: number | undefined;
  /** Highest use in each phase, in the order in which they were first entered. */
  memory: { phase: string; residentBytes: number; deviceBytes: number | undefined }[];
}

/**
 * Reads `events.jsonl`. A task that was interrupted logs its steps again when it is resumed; the latest count.
 * @throws if a line is damaged, naming it
 */
export function readEvents(path: string): { steps: TrainingStep[]; phases: RunPhases } {
  const steps = new Map<string, TrainingStep>();
  const training = new Map<number, number>();
  const evaluation = new Map<number, number>();
  const memory = new Map<string, RunPhases["memory"][number]>();
  for (const [line, source] of completeLines(path)) {
    const event = parseJson(line, source) as { kind?: unknown } | null;
    if (event?.kind === "step") {
      const step = parseWith(eventSchemas.step, event, source);
      steps.set(`${step.task}/${step.step}`, step);
    } else if (event?.kind === "task-end" || event?.kind === "evaluation") {
      const { task, seconds, ...bytes } = parseWith(eventSchemas[event.kind], event, source);
      (event.kind === "task-end" ? training : evaluation).set(task, seconds);
      const phase = event.kind === "task-end" ? "training" : task < 0 ? "zero-shot" : "evaluation";
      const known = memory.get(phase);
      if (bytes.peakResidentBytes === undefined) continue; // a run of an earlier version
      memory.set(phase, {
        phase,
        residentBytes: Math.max(bytes.peakResidentBytes, known?.residentBytes ?? 0),
        deviceBytes:
          bytes.peakDeviceBytes === undefined
            ? known?.deviceBytes
            : Math.max(bytes.peakDeviceBytes, known?.deviceBytes ?? 0),
      });
    }
  }
  return {
    steps: [...steps.values()].sort((a, b) => a.task - b.task || a.step - b.step),
    phases: {
      trainingSeconds: total(training),
      evaluationSeconds: total(evaluation),
      memory: [...memory.values()],
    },
  };
}

/** What follows the last line break is empty, or a line that was being written when the run stopped. */
function completeLines(path: string): [line: string, source: string][] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
  return lines.map((line, i) => [line, `${path}:${i + 1}`]);
}

function total(seconds: Map<number, number>): number | undefined {
  return seconds.size === 0 ? undefined : [...seconds.values()].reduce((sum, value) => sum + value, 0);
}
