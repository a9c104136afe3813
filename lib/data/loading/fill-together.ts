import type { ImageTransform } from "../../clip/index.js";
import type { ImageCache } from "../cache/image-cache.js";
import type { Example } from "../types.js";
import type { LoadOptions } from "./load-images.js";
import { loadBatches } from "./loader.js";
import type { Machine } from "./machine.js";

const batchSize = 32;

/**
 * Has each process of a machine decode its share of what the cache lacks, into one part of it. Images that
 * cannot be read stay missing: whoever completes the part tells them.
 * @throws the signal's reason when it is aborted
 */
export async function fillTogether(
  cache: ImageCache,
  machine: Machine,
  examples: readonly Example[],
  transform: ImageTransform,
  { name = "images", signal, onProgress }: LoadOptions,
): Promise<void> {
  const list = { examples, transform, name, signal };
  const begun = machine.rank === 0 ? await cache.begin(list) : undefined;
  await machine.meet();
  const plan = machine.fromFirst(begun && { path: begun.path, missing: begun.missing });
  const part = begun ?? (plan && (await cache.join(list, plan.path)));
  try {
    const missing = plan?.missing ?? [];
    const block = Math.ceil(missing.length / machine.size);
    const own = missing.slice(machine.rank * block, (machine.rank + 1) * block);
    const toLoad = own.map((index) => examples[index] as Example);
    let done = examples.length - missing.length;
    for await (const batch of loadBatches(toLoad, transform, { batchSize, signal, onUnreadable() {} })) {
      await part?.write({ ...batch, indices: batch.indices.map((index) => own[index] as number) });
      done += batch.indices.length * machine.size; // the others are about as far
      onProgress?.(Math.min(done, examples.length), examples.length);
    }
    await machine.meet();
  } finally {
    await part?.leave();
  }
}
