import { onTestFinished } from "vitest";
import type { DualEncoder } from "../../lib/clip/index.js";
import { Random, type Task, taskFromArrays } from "../../lib/data/index.js";
import { type RunContext, type RunEvent, unsavedStage } from "../../lib/methods/index.js";

const size = 32;

/** Two tasks of noisy one-colour images, 6 training and 4 test images per class. */
export function colourTasks(): Task[] {
  const tasks = [
    colourTask("colours", { red: [220, 40, 40], green: [40, 200, 40], blue: [40, 40, 220] }),
    colourTask("greys", { dark: [50, 50, 50], bright: [210, 210, 210] }),
  ];
  onTestFinished(() => {
    for (const task of tasks) task.dispose();
  });
  return tasks;
}

function colourTask(name: string, colours: Record<string, readonly number[]>): Task {
  const part = (split: string, perClass: number) => {
    const random = new Random(`${name}/${split}`);
    const labels = Object.keys(colours).flatMap((_, label) => Array.from({ length: perClass }, () => label));
    const pixels = labels.flatMap((label) => {
      const colour = Object.values(colours)[label]!;
      return Array.from({ length: size * size * 3 }, (_, i) => colour[i % 3]! + random.uniform(-40, 40));
    });
    return { images: Uint8Array.from(pixels), labels: Int32Array.from(labels) };
  };
  const classes = Object.keys(colours);
  return taskFromArrays({
    name,
    classes,
    templates: ["a {} photo."],
    size,
    train: part("train", 6),
    test: part("test", 4),
  });
}

export interface RecordedContext extends RunContext {
  readonly events: RunEvent[];
  readonly ranks: { rank: number; names: string[]; active: readonly number[]; importance: number[][] }[];
}

/** The first task of a run that keeps what it is told. */
export function recordedContext(model: DualEncoder, overrides: Partial<RunContext> = {}): RecordedContext {
  const events: RunEvent[] = [];
  const ranks: RecordedContext["ranks"] = [];
  return {
    model,
    protocol: "x-tail",
    seed: 8,
    taskIndex: 0,
    learned: [],
    classNames: [],
    signal: new AbortController().signal,
    stage: unsavedStage,
    log: (event) => events.push(event),
    progress() {},
    worked() {},
    record: ({ rank, modules, active }) =>
      ranks.push({
        rank,
        names: modules.map(({ name }) => name),
        active,
        importance: modules.map(({ importance = [] }) => [...importance]),
      }),
    events,
    ranks,
    ...overrides,
  };
}
