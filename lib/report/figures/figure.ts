import type { Run } from "../run.js";

/** One value per column; `null` where there is none. */
export type Row = Readonly<Record<string, string | number | null>>;

/** A figure that is ready to be drawn, with its data. */
export interface Figure {
  /** In the paper, arXiv:2412.01004; absent for datasets that it does not have. */
  readonly number?: number;
  /** Name of the files, without a suffix. */
  readonly name: string;
  readonly title: string;
  /** Notes for the reader: the origin of the data, and what they do and do not show. */
  readonly notes: readonly string[];
  /** A Vega-Lite specification. Its own type would ask all who compile against codyra for the DOM's types. */
  readonly spec: object;
  /** Everything that is drawn. */
  readonly rows: readonly Row[];
}

/** A figure, or a part of one, that cannot be drawn from the runs at hand. */
export interface MissingFigure {
  readonly numbers: readonly number[];
  readonly title: string;
  /** The reason why it is missing. */
  readonly reason: string;
  /** Commands that would make it. */
  readonly commands: readonly string[];
}

export interface FoundFigures {
  readonly figures: readonly Figure[];
  readonly missing: readonly MissingFigure[];
}

/** A kind of figure: which of the paper's it is, and how it comes from runs. */
export interface FigureKind {
  readonly numbers: readonly number[];
  find(runs: readonly Run[]): Promise<FoundFigures>;
}
