import { readEvents } from "../records/index.js";

/** One logged training step. */
export interface TrainingStep {
  task: number;
  /** Counted from the start of the task. */
  step: number;
  /** `null` where it was not finite. */
  loss: number | null;
}

/** Time and memory of a run's phases. */
export interface RunPhases {
  /** `undefined` where no event says so. */
  trainingSeconds: number | undefined;
  evaluationSeconds: number | undefined;
  /** Highest use in each phase, in the order in which they were first entered. */
  memory: { phase: string; residentBytes: number; deviceBytes: number | undefined }[];
}

/**
 * Reads `events.jsonl`. A task that was interrupted logs its steps again when it is resumed; the latest
 * count.
 * @throws if a line is damaged, naming it
 */
export function readPhases(directory: string): { steps: TrainingStep[]; phases: RunPhases } {
  const steps = new Map<string, TrainingStep>();
  const training = new Map<number, number>();
  const evaluation = new Map<number, number>();
  const memory = new Map<string, RunPhases["memory"][number]>();
  for (const event of readEvents(directory)) {
    if (event.kind === "step") {
      const { kind: _kind, ...step } = event;
      steps.set(`${step.task}/${step.step}`, step);
      continue;
    }
    const { kind, task, seconds, ...bytes } = event;
    (kind === "task-end" ? training : evaluation).set(task, seconds);
    const phase = kind === "task-end" ? "training" : task < 0 ? "zero-shot" : "evaluation";
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
  return {
    steps: [...steps.values()].sort((a, b) => a.task - b.task || a.step - b.step),
    phases: {
      trainingSeconds: total(training),
      evaluationSeconds: total(evaluation),
      memory: [...memory.values()],
    },
  };
}

function total(seconds: Map<number, number>): number | undefined {
  return seconds.size === 0 ? undefined : [...seconds.values()].reduce((sum, value) => sum + value, 0);
}
