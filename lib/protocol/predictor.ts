import type { BulkEncoder, DualEncoder } from "../clip/index.js";
import type { ImageSet } from "../data/index.js";
import type { Classifier, ContinualMethod } from "../methods/index.js";
import type { Tensor } from "../torch/index.js";
import type { CloseCalls } from "./close-calls.js";
import type { FrozenFeatures } from "./frozen-features.js";

/** Some images of a dataset. */
export interface TestBatch {
  readonly dataset: string;
  readonly test: ImageSet;
  readonly start: number;
  readonly end: number;
  /** @returns normalised pixels `[end − start, 3, S, S]` */
  pixels(): Tensor;
}

/** The column of each image's class, `int64 [B]`. The lowest of equal scores wins, as in torch's argmax. */
export type Predictor = (classify: Classifier, batch: TestBatch) => Tensor;

/** Why test images of a method are not encoded in bfloat16 first, if so. */
export function reasonAgainstCloseCalls(
  method: ContinualMethod,
  { precision }: DualEncoder,
): string | undefined {
  if (precision === "bf16")
    return "the run computes in bf16 already (precision: bf16), and there is nothing more exact to confirm classes by. With precision: fp32 they are confirmed";
  if (method.featureClassifier === undefined)
    return `${method.name} looks at more of an image than its features. Test images are encoded as the run computes`;
  // Features that are kept serve every task: they are worth encoding exactly.
  if (method.keepsImageEncoder === true)
    return `${method.name} leaves the image encoder as it is, so that each test image is encoded once for all rows, exactly`;
  return undefined;
}

/** How the images of a method are classified: by pixels, by features, or by features in bfloat16 first. */
export function predictor(
  method: ContinualMethod,
  encoder: BulkEncoder,
  given: { readonly features?: FrozenFeatures; readonly closeCalls?: CloseCalls },
): Predictor {
  const { features, closeCalls } = given;
  if (method.featureClassifier === undefined) {
    return (classify, { dataset, pixels }) => classify(pixels(), dataset).argmax(1);
  }
  if (closeCalls === undefined || reasonAgainstCloseCalls(method, encoder.model) !== undefined) {
    return (classify, { dataset, test, start, end, pixels }) => {
      const encode = (): Tensor => encoder.encode(pixels());
      return classify(features?.of(test, start, end, encode) ?? encode(), dataset).argmax(1);
    };
  }
  return (classify, { dataset, pixels: normalised }) => {
    const pixels = normalised();
    const exact = (rows: Tensor): Tensor => encoder.encode(pixels.indexSelect(0, rows));
    return closeCalls.predict(
      classify(encoder.encode(pixels, "bf16"), dataset),
      (rows) => classify(exact(rows), dataset),
      classify.classFeatures,
    );
  };
}
