/* The thread of `WatchPages`: reads a run's files and makes of them what readers get. */

import { parentPort } from "node:worker_threads";
import { type LiveState, pageData, type Run, readRun, renderPage } from "../report/index.js";

export interface PageRequest {
  readonly id: number;
  readonly directory: string;
  readonly live: LiveState;
  /** Address of events for the page to make. Without it, an event for open pages is made. */
  readonly eventsPath?: string;
}

export type PageReply = { readonly id: number } & ({ readonly text: string } | { readonly error: string });

parentPort?.on("message", (request: PageRequest) => {
  parentPort?.postMessage({ id: request.id, ...answer(request) } satisfies PageReply);
});

function answer({ directory, live, eventsPath }: PageRequest): { text: string } | { error: string } {
  try {
    const run = readRun(directory);
    const told = live.state === "running" ? { ...live, message: describeProgress(run) } : live;
    const data = { ...pageData([run]), live: told };
    const text =
      eventsPath === undefined ? `data: ${JSON.stringify(data)}\n\n` : renderPage(data, { eventsPath });
    return { text };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

function describeProgress({ accuracy: { datasets, matrix }, steps }: Run): string {
  const done = matrix.length;
  const dataset = datasets[done];
  if (dataset === undefined) return "Running: all datasets are learned.";
  const step = steps.findLast(({ task }) => task === done);
  const progress = step
    ? `iteration ${step.step}, loss ${step.loss?.toFixed(3) ?? "not finite"}`
    : "not begun";
  return `Running: dataset ${done + 1} of ${datasets.length}, ${dataset}, ${progress}. This page follows by itself.`;
}
