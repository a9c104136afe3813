import { checkOptions } from "../options/index.js";
import { bridge, type Handle } from "./bridge.js";
import { handle, handles, wrapOptional } from "./operator.js";
import { synchronous } from "./synchronous.js";
import type { Tensor } from "./tensor.js";

/** Runs `body` without recording operations for autograd. @throws if `body` is asynchronous */
export function noGrad<T>(body: () => T): T {
  return withGradMode(false, body, "noGrad");
}

/** Runs `body` with recording, also inside `noGrad`. @throws if `body` is asynchronous */
export function enableGrad<T>(body: () => T): T {
  return withGradMode(true, body, "enableGrad");
}

/** Whether operations are being recorded. */
export function isGradEnabled(): boolean {
  return bridge().isGradEnabled();
}

/**
 * Runs `body` without autograd and without version counters: faster than `noGrad`, and what it makes can
 * never take part in a graph.
 * @throws if `body` is asynchronous
 */
export function inferenceMode<T>(body: () => T): T {
  bridge().enterInferenceMode();
  try {
    return synchronous(body(), "inferenceMode");
  } finally {
    bridge().exitInferenceMode();
  }
}

/**
 * Runs `body` with checks that name the forward operation behind a failing or NaN-producing backward one.
 * Slow.
 */
export function detectAnomaly<T>(body: () => T): T {
  const before = bridge().setAnomalyEnabled(true);
  try {
    return synchronous(body(), "detectAnomaly");
  } finally {
    bridge().setAnomalyEnabled(before);
  }
}

/**
 * Gradients of `outputs` with respect to `inputs`, returned instead of accumulated.
 * @returns one per input; `undefined` where an unused input is allowed
 */
export function grad(
  outputs: readonly Tensor[],
  inputs: readonly Tensor[],
  options: {
    gradOutputs?: readonly (Tensor | undefined)[];
    retainGraph?: boolean;
    createGraph?: boolean;
    allowUnused?: boolean;
  } = {},
): (Tensor | undefined)[] {
  const keys = { gradOutputs: true, retainGraph: true, createGraph: true, allowUnused: true } as const;
  checkOptions(options, keys, "grad");
  const { createGraph = false, retainGraph = createGraph, allowUnused = false } = options;
  const gradients = bridge().gradients(
    handles(outputs),
    handles(inputs),
    Array.from({ length: outputs.length }, (_, i) => gradHandle(options.gradOutputs?.[i])),
    retainGraph,
    createGraph,
    allowUnused,
  );
  return gradients.map(wrapOptional);
}

function gradHandle(given: Tensor | undefined): Handle | null {
  return given === undefined ? null : handle(given);
}

function withGradMode<T>(enabled: boolean, body: () => T, name: string): T {
  const before = bridge().setGradEnabled(enabled);
  try {
    return synchronous(body(), name);
  } finally {
    bridge().setGradEnabled(before);
  }
}
