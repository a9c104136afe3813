import { clip, data, torch } from "../../dist/index.js";

/**
 * A task of the images in a file; the same to train on and to test on: their content makes no difference
 * here.
 */
export function loadRandomTask(path, { classes, device }) {
  return torch.scope(() => {
    const images = torch.safetensors.load(path).tensors.get("images").to({ device }).clone();
    const labels = torch.arange(images.size(0), { dtype: "int64", device }).remainder(classes.length);
    const set = new data.ImageSet({ images, labels, fingerprint: "" });
    return { name: "random", classes, templates: [clip.defaultTemplate], train: set, test: set };
  });
}
