const labelWidth = 46;
const plainLineEveryMs = 10_000;

/**
 * Prints `label   result` for each step, and the progress of long ones. That is a line that moves on a
 * terminal, else a plain line now and then.
 * @param {{ quiet?: boolean, stream?: NodeJS.WriteStream }} options quiet: say nothing about steps that had
 * nothing to do
 */
export function createReport({ quiet = false, stream = process.stderr } = {}) {
  let hasTitle = false;
  const print = (line) => {
    if (!hasTitle) stream.write("codyra set-up\n");
    hasTitle = true;
    stream.write(`  ${line}\n`);
  };
  return {
    say: print,
    /** A step that only looked: no time is shown. */
    found(label, result = "ok") {
      if (!quiet) print(row(label, result));
    },
    /**
     * A step that works for a while; its time is shown.
     * @param {(update: (detail: string, fraction?: number) => void) => Promise<string | void>} work may
     * return a better label
     */
    async run(label, verb, work) {
      const startMs = performance.now();
      const elapsed = () => `${((performance.now() - startMs) / 1000).toFixed(1)} s`;
      const progress = stream.isTTY ? movingLine(stream, label, elapsed) : plainLines(print, label);
      try {
        const better = await work(progress.update);
        progress.stop();
        print(row(better ?? label, `${verb} ${elapsed()}`.trim()));
      } finally {
        progress.stop();
      }
    },
  };
}

function row(label, result) {
  return `${label.padEnd(labelWidth)} ${result}`;
}

function movingLine(stream, label, elapsed) {
  const frames = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";
  let frame = 0;
  let status = "";
  const draw = () => {
    frame = (frame + 1) % frames.length;
    const line = `${frames[frame]} ${label}  ${elapsed()}  ${status}`;
    stream.write(`\r\x1b[2K${line.slice(0, (stream.columns || 80) - 1)}`);
  };
  const timer = setInterval(draw, 100);
  return {
    update(detail, fraction) {
      status = fraction === undefined ? detail : bar(fraction);
    },
    stop() {
      clearInterval(timer);
      stream.write("\r\x1b[2K");
    },
  };
}

function bar(fraction, width = 24) {
  const done = Math.round(fraction * width);
  return `${"█".repeat(done)}${"░".repeat(width - done)} ${Math.round(fraction * 100)} %`;
}

function plainLines(print, label) {
  let nextMs = 0;
  return {
    update(detail, fraction) {
      if (performance.now() < nextMs) return;
      nextMs = performance.now() + plainLineEveryMs;
      print(`${label}: ${detail}${fraction === undefined ? "" : `, ${Math.round(fraction * 100)} %`}`);
    },
    stop() {},
  };
}
