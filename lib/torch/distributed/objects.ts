import { fromTypedArray, tensor } from "../creation.js";
import { zeros } from "../operators.generated.js";
import { scope } from "../scope.js";
import type { Tensor } from "../tensor.js";
import { allGather, broadcast } from "./collectives.js";
import { rank, worldSize } from "./group.js";

/** Gives every process the value of one. JSON must be able to hold it, unless it is `undefined`. */
export function broadcastObject<T>(value: T, from = 0): T {
  if (worldSize() === 1) return value;
  return scope(() => {
    const isOwn = rank() === from;
    const own = isOwn ? toBytes(value) : undefined;
    const length = tensor([own?.numel() ?? 0], { dtype: "int64" });
    broadcast(length, from);
    const bytes = own ?? zeros([Number(length.item())], { dtype: "uint8" });
    broadcast(bytes, from);
    return isOwn ? value : fromBytes<T>(bytes);
  });
}

/**
 * Values of all processes, in the order of their ranks. JSON must be able to hold each that is not
 * `undefined`.
 */
export function allGatherObjects<T>(value: T): T[] {
  if (worldSize() === 1) return [value];
  return scope(() => {
    const own = toBytes(value);
    const lengths = allGather(tensor([own.numel()], { dtype: "int64" })).toArray() as bigint[];
    const longest = Math.max(...lengths.map(Number));
    const padded = zeros([longest], { dtype: "uint8" });
    padded.narrow(0, 0, own.numel()).copy_(own);
    const all = allGather(padded);
    return lengths.map((length, each) => fromBytes<T>(all.narrow(0, each * longest, Number(length))));
  });
}

/** In a list: JSON has no `undefined` by itself. */
function toBytes(value: unknown): Tensor {
  const bytes = new Uint8Array(Buffer.from(JSON.stringify([value ?? null, value === undefined])));
  return fromTypedArray(bytes, [bytes.length]);
}

function fromBytes<T>(bytes: Tensor): T {
  const text = Buffer.from(bytes.toTypedArray() as Uint8Array).toString();
  const [value, isUndefined] = JSON.parse(text) as [T, boolean];
  return isUndefined ? (undefined as T) : value;
}
