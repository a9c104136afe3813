// The gradient of a contrastive loss over two towers of one matrix each, in three ways. One process has the
// whole batch; processes have rows of it and gathered features; or the shards' own losses are averaged.
import { torch } from "../../../dist/index.js";
import { contrastiveLoss } from "../../../dist/methods/shared/losses.js";
import { sumGradients } from "../../../dist/methods/shared/sum-gradients.js";

const { distributed } = torch;
await distributed.init();
const generator = torch.generator(3);
const normal = (...shape) => torch.randn(shape, { generator });
const [images, prompts] = [normal(7, 5), normal(4, 6)];
const labels = torch.tensor([0, 1, 2, 3, 0, 0, 1], { dtype: "int64" });
const initial = [normal(5, 8), normal(6, 8)];
const scale = torch.tensor(10);
const like = { width: 8, dtype: "float32", device: "cpu" };
const { start, end } = distributed.ownRows(7);

const gradients = (make) => {
  const weights = initial.map((weight) => weight.clone().requiresGrad_());
  const encode = (weight) => (rows) => torch.nn.functional.normalize(rows.matmul(weight));
  const after = make(encode(weights[0]), encode(weights[1]), weights) ?? (() => {});
  after();
  return weights.map(({ grad }) => grad);
};
const difference = (own, whole) =>
  Math.max(...own.map((grad, i) => grad.sub(whole[i]).abs().max().item() / whole[i].abs().max().item()));

const errors = {};
for (const loss of ["symmetric", "released", "image-to-text"]) {
  const whole = gradients((image, text) => {
    contrastiveLoss(image(images), text(prompts), labels, scale, { loss }).backward();
  });
  const gathered = gradients((image, text, weights) => {
    const features = distributed.encodeRows(images, image, like);
    const texts = distributed.encodeRows(prompts, text, like);
    contrastiveLoss(features, texts, labels, scale, { loss }).backward();
    return () => void sumGradients(weights);
  });
  const mean = gradients((image, text, weights) => {
    const own = image(images.narrow(0, start, end - start));
    const ownLabels = labels.narrow(0, start, end - start);
    contrastiveLoss(own, text(prompts), ownLabels, scale, { loss })
      .mul((end - start) / 7)
      .backward();
    return () => void sumGradients(weights);
  });
  errors[loss] = { gathered: difference(gathered, whole), mean: difference(mean, whole) };
}
await distributed.close();
console.log(JSON.stringify(errors));
