import type { Device } from "../options/index.js";
import { cuda, distributed } from "../torch/index.js";

/** The device of this process: with several on a machine, `cuda` is another GPU for each. */
export function ownDevice(device: Device): Device {
  const place = distributed.place();
  const gpus = cuda.deviceCount();
  if (place === undefined || device !== "cuda" || gpus === 0) return device;
  return `cuda:${distributed.gpuOf(place, gpus)}`;
}

/**
 * Does work that leaves its result in the cache of the machine, such as decoding images: first in one process
 * of each machine, then in the others, which find it there.
 */
export async function firstOnEachMachine<T>(work: () => Promise<T>): Promise<T> {
  const isFirst = (distributed.place()?.localRank ?? 0) === 0;
  const done = isFirst ? { result: await work() } : undefined;
  await distributed.barrier();
  return done === undefined ? await work() : done.result;
}
