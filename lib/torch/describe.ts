import { noGrad } from "./autograd.js";
import { isRecording } from "./captured-step.js";
import * as operators from "./operators.generated.js";
import { scope } from "./scope.js";
import type { Tensor } from "./tensor.js";
import type { NestedNumbers, Scalar } from "./types.js";

/** Larger tensors show the first and last `edge` elements along each dimension, as PyTorch's do. */
const mostShown = 1000;
const edge = 3;
const lineLength = 100;

/** The description of a tensor, and its elements in rows below it. Never throws. */
export function describe(tensor: Tensor): string {
  // Reading values waits for the device, which ends a recording.
  if (tensor.device === "meta" || isRecording()) return String(tensor);
  try {
    return noGrad(() => scope(() => `${tensor}\n${elements(tensor)}`));
  } catch {
    return String(tensor); // complex, sparse, or on a device that failed
  }
}

function elements(tensor: Tensor): string {
  const shape = tensor.shape;
  if (tensor.numel() === 0) return "[]"; // there may be a million empty rows
  const isCut = shape.map((size) => tensor.numel() > mostShown && size > 2 * edge);
  let shown = tensor;
  for (const [dim, size] of shape.entries()) {
    if (!isCut[dim]) continue;
    shown = operators.cat([shown.narrow(dim, 0, edge), shown.narrow(dim, size - edge, edge)], dim);
  }
  let width = 0;
  const texts = mapNested(shown.toArray(), (value) => {
    const text = textOf(value);
    width = Math.max(width, text.length);
    return text;
  });
  return rows(texts, isCut, width);
}

type Texts = string | readonly Texts[];

function mapNested(data: NestedNumbers, convert: (value: Scalar) => string): Texts {
  return Array.isArray(data) ? data.map((row) => mapNested(row, convert)) : convert(data as Scalar);
}

/** Five digits tell numbers apart and keep rows short. */
function textOf(value: Scalar): string {
  if (typeof value !== "number") return String(value);
  return Object.is(value, -0) ? "-0" : String(Number(value.toPrecision(5)));
}

/** One line per row, an empty line between matrices, and `…` where elements are left out. */
function rows(texts: Texts, isCut: readonly boolean[], width: number, depth = 0): string {
  if (typeof texts === "string") return texts.padStart(width);
  const isInnermost = depth === isCut.length - 1;
  const parts = texts.map((text) => rows(text, isCut, width, depth + 1));
  if (isCut[depth]) parts.splice(edge, 0, "…");
  const indent = " ".repeat(depth + 1);
  if (!isInnermost) return `[${parts.join(`,${"\n".repeat(isCut.length - 1 - depth)}${indent}`)}]`;
  const perLine = Math.max(1, Math.floor((lineLength - depth) / (width + 2)));
  const lines = Array.from({ length: Math.ceil(parts.length / perLine) }, (_, i) =>
    parts.slice(i * perLine, (i + 1) * perLine).join(", "),
  );
  return `[${lines.join(`,\n${indent}`)}]`;
}
