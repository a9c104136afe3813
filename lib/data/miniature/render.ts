/** Pictures being rasterised at a time: enough to keep libuv's default pool of four threads busy. */
const inFlight = 8;

/**
 * Rasterises drawings in the box from (-50, -50) to (50, 50).
 * @returns RGB bytes, `[drawings, size, size, 3]`
 */
export async function rasterize(
  count: number,
  drawing: (index: number) => string,
  size: number,
): Promise<Uint8Array> {
  const bytes = size * size * 3;
  const images = new Uint8Array(count * bytes);
  let next = 0;
  const work = async () => {
    while (next < count) {
      const index = next++;
      images.set(await rasterizeOne(drawing(index), size), index * bytes);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, work));
  return images;
}

async function rasterizeOne(drawing: string, size: number): Promise<Uint8Array> {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}" viewBox="-50 -50 100 100">${drawing}</svg>`;
  const { default: sharp } = await import("sharp");
  return await sharp(Buffer.from(svg)).removeAlpha().raw().toBuffer();
}
