import { miniatureStart } from "../paper/benchmark.js";
import type { Configuration } from "./configurations.js";

interface WantedRun {
  readonly method: string;
  /** Options of the method, as `rank=4`. */
  readonly options?: readonly string[];
  /** Default: the whole stream. */
  readonly dataset?: string;
  readonly holdOut?: string;
}

/**
 * The command that makes a run of the paper's X-TAIL setting, or of one of its datasets, in a directory of
 * its own.
 */
export function runCommand({ method, options = [], dataset, holdOut }: WantedRun): string {
  const name = [method, dataset, ...options.map((option) => option.replaceAll(/[=,]/g, "-"))]
    .filter(Boolean)
    .join("-");
  return [
    `codyra run --config configs/paper/x-tail.yaml --method ${method}`,
    dataset && `--datasets ${dataset}`,
    holdOut && `--hold-outs ${holdOut}`,
    ...options.map((option) => `--option ${option}`),
    `--output runs/${name}`,
  ]
    .filter(Boolean)
    .join(" ");
}

/**
 * The command that makes a run like those of a stream, with other options: of the embedded benchmark, or from
 * the stream's own configuration.
 */
export function variantCommand(stream: Configuration, options: readonly string[]): string {
  const { method, protocol, datasets, runs } = stream;
  const { seed, config } = runs[0].info;
  const isDemo = config.testPerClass !== undefined;
  const name = [method, ...options.map((option) => option.replaceAll(/[=,]/g, "-"))].join("-");
  return [
    ...(isDemo
      ? [
          "codyra demo",
          ...miniatureStart(String(config.model)),
          `--protocol ${protocol} --domains ${datasets.join(" ")} --methods ${method}`,
        ]
      : [`codyra run --config CONFIG.yaml --method ${method}`]),
    `--seed ${seed}`,
    ...options.map((option) => `--option ${option}`),
    `--output runs/${name}`,
  ].join(" ");
}
