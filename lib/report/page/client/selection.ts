import type { GroupData, MatrixData, PageData, RunData } from "../data.js";
import { type MatrixSpread, matrixSpread } from "./statistics.js";

/** A method as the reader chose to see it: one seed, or all of them. */
export interface View {
  group: GroupData;
  runs: RunData[];
  accuracy: MatrixSpread;
  /** `null` where no run has hold-outs. */
  holdOuts: MatrixSpread | null;
}

/** The reader's choice, and the data that it is made from, which change while a run goes on. */
export class Selection {
  /** `null` for the mean over all. */
  seed: number | null = null;
  readonly #shown = new Map<string, boolean>();
  #data: PageData;
  #listeners: (() => void)[] = [];

  constructor(data: PageData) {
    this.#data = data;
  }

  get data(): PageData {
    return this.#data;
  }

  get seeds(): number[] {
    return [...new Set(this.#data.runs.map(({ seed }) => seed))].sort((a, b) => a - b);
  }

  /** The methods that are shown, in the order of the page. */
  get views(): View[] {
    return this.#data.groups.filter((group) => this.isShown(group)).map((group) => this.view(group));
  }

  view(group: GroupData): View {
    const all = group.runs.map((i) => this.#data.runs[i] as RunData);
    const runs = this.seed === null ? all : all.filter(({ seed }) => seed === this.seed);
    const holdOuts = runs.map((run) => run.holdOuts).filter((held): held is MatrixData => held !== null);
    return {
      group,
      runs,
      accuracy: matrixSpread(runs.map(({ accuracy }) => accuracy)),
      holdOuts: holdOuts.length > 0 ? matrixSpread(holdOuts) : null,
    };
  }

  isShown(group: GroupData): boolean {
    return this.#shown.get(group.label) ?? group.isShown;
  }

  show(group: GroupData, isShown: boolean): void {
    this.#shown.set(group.label, isShown);
    this.redraw();
  }

  showAll(isShown: boolean): void {
    for (const { label } of this.#data.groups) this.#shown.set(label, isShown);
    this.redraw();
  }

  showSeed(seed: number | null): void {
    this.seed = seed;
    this.redraw();
  }

  update(data: PageData): void {
    this.#data = data;
    this.redraw();
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Tells everything that draws from here to draw again. */
  redraw(): void {
    for (const listener of this.#listeners) listener();
  }
}
