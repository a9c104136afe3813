interface WantedRun {
  readonly method: string;
  /** Of the method, as `rank=4`. */
  readonly options?: readonly string[];
  /** Default: the whole stream. */
  readonly dataset?: string;
  readonly holdOut?: string;
}

/** The command that makes a run of the paper's X-TAIL setting, or of one of its datasets, in a directory of its own. */
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
