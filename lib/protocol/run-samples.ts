import type { Task } from "../data/index.js";
import type { SampleRecord, Samples } from "../records/index.js";

/** The few-shot draw of every task, as `samples.json` keeps it. */
export function samplesOf(tasks: readonly Task[]): Samples {
  const described = tasks.flatMap(({ name, sample, train, test }): [string, SampleRecord][] => {
    const { indices: _indices, ...draw } = sample ?? {};
    const parts = { train, test };
    const images = (["train", "test"] as const).flatMap((part) => {
      const { contents } = parts[part];
      return contents === undefined ? [] : [[part, Object.fromEntries(contents)] as const];
    });
    if (sample === undefined && images.length === 0) return [];
    return [[name, { ...draw, ...(images.length > 0 && { images: Object.fromEntries(images) }) }]];
  });
  return Object.fromEntries(described);
}
