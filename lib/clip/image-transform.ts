import { fromTypedArray, scope, type Tensor, upsampleBicubic2dAa } from "../torch/index.js";
import { type DecodedImage, decodeImage } from "./image.js";

/** From an encoded or decoded image to a square of pixels of a fixed size. */
export interface ImageTransform {
  /** Side of the result, pixels. */
  readonly size: number;
  /** Says all that the pixels depend on beside the image; part of the key of cached images. */
  readonly key: string;
  /** @throws if the image is damaged, saying why */
  apply(image: Uint8Array | DecodedImage): Promise<TransformedImage>;
}

export interface TransformedImage {
  /** RGB bytes `[size, size, 3]`. */
  readonly pixels: Uint8Array;
  /** Of the image before it was transformed, pixels. */
  readonly width: number;
  readonly height: number;
}

/** Resizes the shorter side to `size` and cuts a square of `cropSize` out of the middle: how CLIP sees images in tests. */
export function resizeAndCenterCrop(size: number, cropSize: number): ImageTransform {
  return transform(cropSize, `resize ${size}, center crop ${cropSize}`, ({ pixels, width, height }) => {
    const [short, long] = width < height ? [width, height] : [height, width];
    const longSide = Math.floor((size * long) / short);
    const [newWidth, newHeight] = width < height ? [size, longSide] : [longSide, size];
    const resized = resize(pixels, width, height, newWidth, newHeight);
    const top = Math.floor((newHeight - cropSize) / 2);
    const left = Math.floor((newWidth - cropSize) / 2);
    return resized.narrow(0, top, cropSize).narrow(1, left, cropSize);
  });
}

/** Resizes to a square, ignoring the aspect ratio. */
export function stretch(size: number): ImageTransform {
  return transform(size, `stretch ${size}`, ({ pixels, width, height }) =>
    resize(pixels, width, height, size, size),
  );
}

function transform(size: number, key: string, apply: (image: DecodedImage) => Tensor): ImageTransform {
  return {
    size,
    key,
    async apply(source) {
      const image = source instanceof Uint8Array ? await decodeImage(source) : source;
      const pixels = scope(() => apply(image).contiguous().toTypedArray() as Uint8Array);
      return { pixels, width: image.width, height: image.height };
    },
  };
}

/** Bicubic with antialiasing, as Pillow's. @returns uint8 `[newHeight, newWidth, 3]` */
function resize(
  pixels: Uint8Array,
  width: number,
  height: number,
  newWidth: number,
  newHeight: number,
): Tensor {
  const image = fromTypedArray(pixels, [1, height, width, 3]).permute([0, 3, 1, 2]); // channels last, as the kernel likes it
  return upsampleBicubic2dAa(image, [newHeight, newWidth], false).select(0, 0).permute([1, 2, 0]);
}
