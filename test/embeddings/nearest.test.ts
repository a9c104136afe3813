import { describe, expect, it } from "vitest";
import {
  indexDrift,
  leastSquaresMap,
  nearest,
  orthogonalMap,
  retrievalRecall,
} from "../../lib/embeddings/index.js";
import { eye, generator, linalgQr, nn, randn, scope, type Tensor, tensor } from "../../lib/torch/index.js";

const { normalize } = nn.functional;
const rows = (count: number, width: number, seed: number) =>
  normalize(randn([count, width], { generator: generator(seed) }));
const table = (values: Int32Array | Float32Array, k: number) =>
  Array.from({ length: values.length / k }, (_, i) => Array.from(values.subarray(i * k, (i + 1) * k)));

describe("nearest", () => {
  it("finds what sorting all scores finds, whatever the blocks", () => {
    scope(() => {
      const [vectors, queries] = [rows(100, 8, 1), rows(300, 8, 2)];
      const scores = queries.mm(vectors.t()).toArray() as number[][];
      const expected = scores.map((row) =>
        row
          .map((score, i) => ({ score, i }))
          .sort((a, b) => b.score - a.score)
          .slice(0, 7)
          .map(({ i }) => i),
      );
      for (const block of [100, 33, 7, 3]) {
        const found = nearest(vectors, queries, 7, { block });
        expect(table(found.rows, found.k), `${block}`).toEqual(expected);
        const best = table(found.scores, found.k)[5] as number[];
        expect(best).toEqual(expected[5]?.map((i) => expect.closeTo(scores[5]?.[i] as number, 5)));
      }
    });
  });

  it("finds all rows where fewer than k are there", () => {
    scope(() => {
      const { rows: found, k } = nearest(eye(3), eye(3), 10);
      expect(k).toBe(3);
      expect(table(found, k).map((row) => row[0])).toEqual([0, 1, 2]);
    });
  });
});

describe("retrievalRecall", () => {
  it("counts an image once, with any of its texts, and each text with its image", () => {
    scope(() => {
      const images = eye(3);
      // Text 1 belongs to image 0 and lies nearest to image 1.
      const texts = normalize(
        tensor([
          [1, 0.1, 0],
          [0.5, 1, 0],
          [0, 1, 0.4],
          [0.2, 0.9, 1],
        ]),
      );
      const { imageToText, textToImage } = retrievalRecall(images, texts, [0, 0, 1, 2], [1, 2]);
      expect(textToImage).toEqual([3 / 4, 1]);
      expect(imageToText).toEqual([1, 1]);
      const swapped = retrievalRecall(images, texts, [1, 0, 2, 2], [1, 2]);
      expect(swapped.textToImage).toEqual([1 / 4, 3 / 4 + 1 / 4]);
    });
  });

  it("refuses texts without an image and images without a text", () => {
    scope(() => {
      expect(() => retrievalRecall(eye(2), eye(2), [0, 2])).toThrow(/image of each of 2 texts, 0 to 1/);
      expect(() => retrievalRecall(eye(2), eye(2), [0, 0])).toThrow(
        /a text for each image, got none for 1 of 2/,
      );
    });
  });
});

describe("maps between old and new vectors", () => {
  const rotation = (width: number) => linalgQr(randn([width, width], { generator: generator(5) }))[0];

  it("find a rotation again", () => {
    scope(() => {
      const [after, turn] = [rows(50, 6, 3), rotation(6)];
      const before = after.mm(turn);
      const difference = (map: Tensor) => map.sub(turn).abs().max().item() as number;
      expect(difference(orthogonalMap(after, before))).toBeLessThan(1e-5);
      expect(difference(leastSquaresMap(after, before, 1e-12))).toBeLessThan(1e-5);
      const map = orthogonalMap(after, rows(50, 6, 4));
      expect(map.mm(map.t()).sub(eye(6)).abs().max().item()).toBeLessThan(1e-5);
    });
  });

  it("rescue an index whose vectors were rotated, which new queries miss", () => {
    scope(() => {
      const [index, queries, turn] = [rows(400, 16, 6), rows(50, 16, 7), rotation(16)];
      const drift = indexDrift(
        { before: index, after: index.mm(turn) },
        { before: queries, after: queries.mm(turn) },
        { ks: [1, 10, 1000] },
      );
      expect(drift.ks).toEqual([1, 10]);
      expect(drift.rebuilt).toEqual([1, 1]);
      expect(drift.newOnOld[1]).toBeLessThan(0.2);
      expect(drift.oldOnNew[1]).toBeLessThan(0.2);
      expect(drift.mapped.orthogonal).toEqual([1, 1]);
      expect(drift.mapped.leastSquares).toEqual([1, 1]);
      expect(drift.cosine.index).toBeLessThan(0.5);
    });
  });
});
