import type { Tensor } from "../torch/index.js";
import { nearest } from "./nearest.js";

/** Recall at each k, as fractions. */
export interface RetrievalRecall {
  readonly ks: readonly number[];
  /** Share of the images with one of their own texts among the k nearest texts. */
  readonly imageToText: readonly number[];
  /** Share of the texts with their image among the k nearest images. */
  readonly textToImage: readonly number[];
}

/**
 * Retrieval over pairs of images and texts, an image with one text or several, as Karpathy and Fei-Fei
 * measure it (arXiv:1412.2306) and clip_benchmark's `zeroshot_retrieval.py` does.
 * @param images unit vectors `[n, D]`   @param texts unit vectors `[m, D]`
 * @param imageOfText the image of each text, `[m]`; every image has a text
 * @throws if a text has no image, or an image no text
 */
export function retrievalRecall(
  images: Tensor,
  texts: Tensor,
  imageOfText: ArrayLike<number>,
  ks: readonly number[] = [1, 5, 10],
): RetrievalRecall {
  const [n, m] = [images.size(0), texts.size(0)];
  const owners = Array.from(imageOfText);
  if (owners.length !== m || owners.some((image) => !Number.isInteger(image) || image < 0 || image >= n)) {
    throw new RangeError(`retrievalRecall: expected the image of each of ${m} texts, 0 to ${n - 1}.`);
  }
  const without = n - new Set(owners).size;
  if (without > 0) {
    throw new RangeError(`retrievalRecall: expected a text for each image, got none for ${without} of ${n}.`);
  }
  const most = Math.max(...ks);
  const ofTexts = nearest(images, texts, most);
  const ofImages = nearest(texts, images, most);
  const ranksOfTexts = firstHits(ofTexts.rows, ofTexts.k, m, (text, image) => owners[text] === image);
  const ranksOfImages = firstHits(ofImages.rows, ofImages.k, n, (image, text) => owners[text] === image);
  const shares = (ranks: readonly number[]) =>
    ks.map((k) => ranks.filter((rank) => rank < k).length / ranks.length);
  return { ks, imageToText: shares(ranksOfImages), textToImage: shares(ranksOfTexts) };
}

/** Position of the first right answer of each query; infinite where none was found. */
function firstHits(
  rows: Int32Array,
  k: number,
  queries: number,
  isRight: (query: number, row: number) => boolean,
): number[] {
  return Array.from({ length: queries }, (_, query) => {
    const at = rows.subarray(query * k, (query + 1) * k).findIndex((row) => isRight(query, row));
    return at === -1 ? Number.POSITIVE_INFINITY : at;
  });
}
