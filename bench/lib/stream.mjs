import { cp, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";

/**
 * Folders of images as `codyra run` reads them, with some of the test images.
 * @param source holds `NAME/train/CLASS/*` and `NAME/test/CLASS/*`
 * @param count most test images of a domain, spread evenly over its classes; undefined takes all
 * @returns entries of `datasets:`
 * @throws if a domain is not there
 */
export async function copyDomains(source, names, count, folder) {
  for (const name of names) await copyDomain(join(source, name), join(folder, name), count);
  return names.map((name) => ({ name, root: join(folder, name) }));
}

async function copyDomain(from, to, count) {
  await cp(join(from, "train"), join(to, "train"), { recursive: true });
  const classes = (await readdir(join(from, "test"))).sort();
  for (const [i, name] of classes.entries()) {
    const images = (await readdir(join(from, "test", name))).sort();
    const share = Math.floor(((i + 1) * count) / classes.length) - Math.floor((i * count) / classes.length);
    await mkdir(join(to, "test", name), { recursive: true });
    for (const image of count === undefined ? images : images.slice(0, Math.max(share, 1))) {
      await cp(join(from, "test", name, image), join(to, "test", name, image));
    }
  }
}
