import { cuda } from "../../lib/torch/index.js";
import { needs } from "../needs.js";

export const needsCuda = needs(
  cuda.isAvailable(),
  "no CUDA device",
  "`npm test` and `npm run test:gpu` where there is one",
);

/** For what is said where there is none. */
export const withoutCuda = needs(!cuda.isAvailable(), "a CUDA device", "set CUDA_VISIBLE_DEVICES to nothing");
