import type { TrainingStep } from "../events.js";
import type { LossCurve } from "./data.js";

const MAX_POINTS = 240;

/**
 * Losses over the whole stream, averaged over neighbouring steps of a task to a number of points a page can
 * carry.
 */
export function lossCurves(steps: TrainingStep[], datasets: string[]): LossCurve[] {
  const perPoint = Math.ceil(steps.length / MAX_POINTS);
  let start = 0;
  return [...new Set(steps.map(({ task }) => task))].map((task) => {
    const ofTask = steps.filter((step) => step.task === task);
    const points: [number, number][] = [];
    for (let i = 0; i < ofTask.length; i += perPoint) {
      const finite = ofTask
        .slice(i, i + perPoint)
        .flatMap(({ step, loss }) => (loss === null ? [] : [{ step, loss }]));
      if (finite.length === 0) continue;
      const average = (key: "step" | "loss") =>
        finite.reduce((sum, point) => sum + point[key], 0) / finite.length;
      points.push([round(start + average("step")), round(average("loss"))]);
    }
    const curve = { dataset: datasets[task] ?? `task ${task + 1}`, start, points };
    start += (ofTask.at(-1) as TrainingStep).step + 1;
    return curve;
  });
}

/** Five digits: more than a curve can show, and a third of the bytes. */
function round(value: number): number {
  return Number(value.toPrecision(5));
}
