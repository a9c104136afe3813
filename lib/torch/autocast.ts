import { checkOptions } from "../options/index.js";
import { bridge } from "./bridge.js";
import { synchronous } from "./synchronous.js";
import type { Device, DType } from "./types.js";

/** The dtype in which operators compute, and where. */
export interface AutocastOptions {
  /** `bfloat16` or `float16`. Default: `bfloat16`. */
  readonly dtype?: DType;
  /** Device whose operators are cast. Default: `cpu`. */
  readonly device?: Device;
  /** False switches a surrounding `autocast` off. Default: true. */
  readonly enabled?: boolean;
}

/** How many `autocast` are open, from the first that casts on; libtorch keeps its casts until none is. */
let depth = 0;

/**
 * Runs `body` with matrix products, convolutions and attention in `dtype`, and what needs precision in
 * float32; parameters stay as they are. Which operators are cast:
 * https://docs.pytorch.org/docs/stable/amp.html. Casts of parameters that require a gradient are kept until
 * the outermost `autocast` ends, so update them outside; optimisers insist on that. Backward passes belong
 * outside too: they repeat the dtypes of the forward pass.
 * @throws if `dtype` is not of half precision, the device knows no autocast, or `body` is asynchronous
 */
export function autocast<T>(options: AutocastOptions, body: () => T): T {
  checkOptions(options, { dtype: true, device: true, enabled: true }, "autocast");
  const { dtype = "bfloat16", device = "cpu", enabled = true } = options;
  const isOff = bridge().autocastDtype(device) === null; // refuses a device that knows no autocast
  // Without an outer one there are no casts. Counted, it would keep those of the ones inside it.
  if (!enabled && isOff && depth === 0) return synchronous(body(), "autocast");
  const before = bridge().enterAutocast(device, enabled ? dtype : null);
  depth += 1;
  try {
    return synchronous(body(), "autocast");
  } finally {
    depth -= 1;
    bridge().exitAutocast(device, before);
  }
}

/**
 * For whatever changes parameters: forward passes inside the same `autocast` would go on with the old casts.
 * @param name the function that changes them, as the message calls it
 * @throws inside `autocast`, also where an inner one is switched off
 */
export function refuseInsideAutocast(name: string): void {
  if (depth === 0) return;
  throw new Error(
    `${name}: expected a call outside of autocast, got one inside, where casts of the old parameters stay in use. Wrap the forward pass alone in autocast.`,
  );
}

/** The options with which `autocast` continues as here, such as when part of a forward pass is repeated. */
export function currentAutocast(device: Device): AutocastOptions {
  const dtype = bridge().autocastDtype(device) as DType | null;
  return dtype === null ? { device, enabled: false } : { device, dtype };
}
