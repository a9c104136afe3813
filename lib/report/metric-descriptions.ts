import type { MetricName } from "../records/index.js";

export interface MetricDescription {
  name: MetricName;
  title: string;
  caption: string;
  best: "highest" | "lowest";
}

/** The metrics in the order they are shown, with what they mean in one line. */
export const metricDescriptions: MetricDescription[] = [
  {
    name: "transfer",
    title: "Transfer",
    caption: "Accuracy on a dataset before it is learned, mean over the tasks before it. Higher is better.",
    best: "highest",
  },
  {
    name: "average",
    title: "Average",
    caption: "Accuracy on a dataset, mean over all tasks of the stream. Higher is better.",
    best: "highest",
  },
  {
    name: "last",
    title: "Last",
    caption: "Accuracy on a dataset after the last task. Higher is better.",
    best: "highest",
  },
  {
    name: "forgetting",
    title: "Forgetting",
    caption: "Accuracy lost on a dataset between learning it and the last task. Lower is better.",
    best: "lowest",
  },
];

export function describeMetric(name: MetricName): MetricDescription {
  return metricDescriptions.find((metric) => metric.name === name) as MetricDescription;
}
