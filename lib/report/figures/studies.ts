import type { Run } from "../run.js";
import { type Configuration, configurations, mainConfiguration } from "./configurations.js";

/** An option that ablations vary while all others stay. */
export interface Study {
  readonly id: "location" | "rank" | "kappaMax" | "denseRatio";
  /** Names, of the method. */
  readonly options: readonly string[];
  /** Title of the axis, with its unit. */
  readonly title: string;
  readonly scale: "category" | "linear" | "log2";
  /** Options to try; none stands for the defaults. The paper does not list all of its values. */
  readonly suggestions: readonly (readonly string[])[];
}

const attention = "targets=q,k,v,o";

/** The ablations of figures 7 and 8. */
export const studies: readonly Study[] = [
  {
    id: "location",
    options: ["encoders", "targets"],
    title: "adapted matrices",
    scale: "category",
    suggestions: [[], ["encoders=vision"], [attention], ["encoders=vision", attention]],
  },
  {
    id: "rank",
    options: ["rank"],
    title: "initial rank r (ranks per matrix)",
    scale: "log2",
    suggestions: [4, 8, 16, 32, 64].map((rank) => [`rank=${rank}`]),
  },
  {
    id: "kappaMax",
    options: ["kappaMax"],
    title: "κmax (threshold per iteration)",
    scale: "linear",
    suggestions: [0, 0.001, 0.0025, 0.005, 0.0075, 0.01].map((kappa) => [`kappaMax=${kappa}`]),
  },
  {
    id: "denseRatio",
    options: ["denseRatio"],
    title: "dense ratio ρ (share of the iterations)",
    scale: "linear",
    suggestions: [0, 0.25, 0.5, 0.7, 0.9].map((ratio) => [`denseRatio=${ratio}`]),
  },
];

/** The streams of codyra that ablations vary; X-TAIL goes before MTIL. */
export function mainStream(runs: readonly Run[]): Configuration | undefined {
  const streams = configurations(runs, "codyra").filter(
    ({ datasets, runs }) => datasets.length > 1 && runs[0].ranks !== undefined,
  );
  const ofPaper = streams.filter(({ protocol }) => protocol === "x-tail");
  return mainConfiguration(
    ofPaper.length > 0 ? ofPaper : streams,
    studies.map(({ options }) => options),
  );
}
