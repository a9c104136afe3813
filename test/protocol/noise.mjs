// Tiny tasks for the model of test/clip/fixtures/quick-gelu, in processes of their own.
import { data } from "../../dist/index.js";

const size = 32; // of the model's images

/** A task of images that differ in their brightest channel. */
export function noise(name, classes) {
  const draw = (perClass, salt) => {
    const random = new data.Random(`${name} ${salt}`);
    const labels = Int32Array.from({ length: perClass * classes.length }, (_, i) => i % classes.length);
    const images = new Uint8Array(labels.length * size * size * 3);
    for (let i = 0; i < images.length; i++) {
      const label = labels[Math.floor(i / (size * size * 3))];
      images[i] = random.uniform(0, i % 3 === label ? 255 : 120);
    }
    return { images, labels };
  };
  return data.taskFromArrays({
    name,
    classes,
    templates: ["a photo of a {}."],
    size,
    train: draw(5, 1),
    test: draw(4, 2),
  });
}
