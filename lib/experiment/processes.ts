import type { Machine } from "../data/index.js";
import type { Device } from "../options/index.js";
import { cuda, distributed } from "../torch/index.js";

/** The device of this process: with several on a machine, `cuda` is another GPU for each. */
export function ownDevice(device: Device): Device {
  const place = distributed.place();
  const gpus = cuda.deviceCount();
  if (place === undefined || device !== "cuda" || gpus === 0) return device;
  return `cuda:${distributed.gpuOf(place, gpus)}`;
}

/** The processes of the run on this machine; `undefined` for a process by itself. */
export function ownMachine(): Machine | undefined {
  if (!distributed.isInitialized()) return undefined;
  const members = distributed.members();
  const own = members[distributed.rank()];
  const ranks = members.flatMap(({ host }, rank) => (host === own?.host ? [rank] : []));
  return {
    rank: ranks.indexOf(distributed.rank()),
    size: ranks.length,
    // The machines ask at the same points, so that all ranks take part.
    fromFirst: (value) => distributed.allGatherObjects(value)[ranks[0] as number],
    meet: () => distributed.barrier(),
  };
}
