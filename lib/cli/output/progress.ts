import { createRequire } from "node:module";
import type { Options, SingleBar } from "cli-progress";
import { shownOn, tell } from "./print.js";

const lineEveryMs = 30_000;
const require = createRequire(import.meta.url);

/**
 * Progress of one thing at a time on stderr. It is a bar on a terminal, and elsewhere a line now and then and
 * when something is finished.
 */
export class Progress {
  #bar: SingleBar | undefined;
  #label = "";
  #began = 0;
  #lastLine = 0;
  readonly #isTerminal = process.stderr.isTTY === true;

  /** Begins something; what was going on before is finished. */
  start(label: string): void {
    this.finish();
    this.#label = label;
    this.#began = performance.now();
    this.#lastLine = this.#began;
  }

  /** @param note a few words, such as the loss */
  update(done: number, total: number, note = ""): void {
    if (!this.#isTerminal) {
      if (performance.now() - this.#lastLine < lineEveryMs) return;
      this.#lastLine = performance.now();
      tell(`  ${this.#label}  ${done}/${total}  ${note}\n`);
      return;
    }
    if (this.#bar === undefined) {
      // Twenty files, of which most starts of a command need none.
      const { SingleBar, Presets } = require("cli-progress") as typeof import("cli-progress");
      this.#bar = new SingleBar(barOptions(this.#label), Presets.shades_classic);
      this.#bar.start(total, done, { note });
    }
    this.#bar.setTotal(total);
    this.#bar.update(done, { note: shownOn(process.stderr, note) });
  }

  /** Ends the current bar and leaves a line with what came of it. */
  finish(result = ""): void {
    this.#bar?.stop();
    this.#bar = undefined;
    if (this.#label !== "" && (!this.#isTerminal || result !== "")) {
      const seconds = ((performance.now() - this.#began) / 1000).toFixed(1);
      tell(`  ${this.#label}  ${seconds} s${result === "" ? "" : `  ${result}`}\n`);
    }
    this.#label = "";
  }

  /** A line that stays. */
  say(line: string): void {
    this.finish();
    tell(`${line}\n`);
  }
}

function barOptions(label: string): Options {
  return {
    format: `  ${shownOn(process.stderr, label)} {bar} {percentage}%  {value}/{total}  {eta_formatted} left  {note}`,
    barsize: 24,
    hideCursor: true,
    clearOnComplete: true,
    stopOnComplete: false,
    stream: process.stderr,
    gracefulExit: false, // signals are ours: a run ends with its files in order
  };
}
