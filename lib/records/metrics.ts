/**
 * Accuracy after every task on every dataset of a stream, as fractions.
 *
 * `matrix[t][j]` is the accuracy on `datasets[j]` after training on tasks `0..t`. A finished stream of T
 * datasets has T rows; fewer rows mean that the stream is still running. Accuracy before any training is
 * `zeroShot`, never a row. A cell is null where a stream grew and the model of that row is gone.
 */
export interface AccuracyMatrix {
  datasets: string[];
  matrix: Accuracy[][];
  zeroShot?: Accuracy[];
  /** Accuracy on datasets that are never trained on; absent where there are none. */
  holdOuts?: HoldOutMatrix;
}

/** A fraction; null where it was not and can no longer be measured. */
export type Accuracy = number | null;

/**
 * `matrix[t][j]` is the accuracy on `datasets[j]` after training on the tasks `0..t` of the stream, against
 * its own classes.
 */
export interface HoldOutMatrix {
  datasets: string[];
  matrix: Accuracy[][];
  zeroShot?: Accuracy[];
}

/**
 * One metric: its value per dataset and the unweighted mean of those values. `undefined` where it is not
 * defined; cells that are not known take no part.
 */
export interface Metric {
  columns: (number | undefined)[];
  overall: number | undefined;
}

export interface Metrics {
  transfer: Metric;
  average: Metric;
  last: Metric;
  forgetting: Metric;
}

export type MetricName = keyof Metrics;

/** Whether the accuracy after the last task is known, so that every metric is defined. */
export function isComplete(accuracy: AccuracyMatrix): boolean {
  return accuracy.datasets.length > 0 && accuracy.matrix.length === accuracy.datasets.length;
}

/**
 * Transfer, Average, Last (arXiv:2303.06628, section 4) and Forgetting (arXiv:1801.10112) of a finished
 * stream.
 * @throws if the stream is not finished
 */
export function computeMetrics(accuracy: AccuracyMatrix): Metrics {
  const { datasets, matrix } = accuracy;
  if (!isComplete(accuracy)) {
    throw new Error(
      `Metrics need the accuracy after every task: expected ${datasets.length} rows, one per dataset ` +
        `(${datasets.join(", ")}), got ${matrix.length}. Finish the run first, or drop the datasets not trained on.`,
    );
  }
  return {
    transfer: transfer(matrix),
    average: average(matrix),
    last: last(matrix),
    forgetting: forgetting(matrix),
  };
}

/**
 * `Transfer_j = mean over t < j of a[t][j]`: accuracy before the dataset is learned. Undefined for the first
 * dataset.
 */
export function transfer(matrix: Accuracy[][]): Metric {
  return metric(matrix, (column, j) => (j === 0 ? undefined : mean(known(column.slice(0, j)))));
}

/** `Average_j = mean over all t of a[t][j]`: before, when and after the dataset is learned. */
export function average(matrix: Accuracy[][]): Metric {
  return metric(matrix, (column) => mean(known(column)));
}

/** `Last_j = a[T][j]`: accuracy after the last task. */
export function last(matrix: Accuracy[][]): Metric {
  return metric(matrix, (column) => column.at(-1) ?? undefined);
}

/**
 * `Forgetting_j = a[j][j] − a[T][j]`: what was lost since the dataset was learned. Undefined for the last
 * dataset.
 */
export function forgetting(matrix: Accuracy[][]): Metric {
  return metric(matrix, (column, j) => {
    const [learned, end] = [column[j] ?? null, column.at(-1) ?? null];
    if (j === column.length - 1 || learned === null || end === null) return undefined;
    return learned - end;
  });
}

/**
 * Hold-out accuracy of a finished stream: `mean over t of h[t][j]`, over the models after every task.
 * arXiv:2412.01004, table 3. Accuracy before any training takes no part.
 */
export function holdOutAccuracy({ matrix }: HoldOutMatrix): Metric {
  return metric(matrix, (column) => mean(known(column)));
}

/** The measured accuracies. */
export function known(accuracies: readonly Accuracy[]): number[] {
  return accuracies.filter((accuracy) => accuracy !== null);
}

/** Unweighted mean; `undefined` for an empty list. */
export function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function metric(
  matrix: Accuracy[][],
  ofColumn: (column: Accuracy[], j: number) => number | undefined,
): Metric {
  const columns = (matrix[0] ?? []).map((_, j) =>
    ofColumn(
      matrix.map((row) => row[j] as Accuracy),
      j,
    ),
  );
  return { columns, overall: mean(columns.filter((value) => value !== undefined)) };
}
