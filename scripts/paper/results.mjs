import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { report } from "../../dist/index.js";

/**
 * Writes the tables and figures of the finished runs of the miniature plan, and the drawing of the README.
 * @param {{ demo: string[] }} settings of configs/miniature.yaml; demo: the methods in the drawing
 * @returns {Promise<string[]>} the files; none where no run is finished
 */
export async function writeResults(works, { demo }, to) {
  const finished = works.filter((work) => work.method && work.isFinished());
  if (finished.length === 0) return [];
  const runs = finished.map(({ directory }) => report.readRun(directory));
  mkdirSync(to, { recursive: true });
  const [table, drawing] = ["md", "svg"].map((extension) => join(to, `miniature-results.${extension}`));
  writeFileSync(table, markdown(runs));
  const shown = demo.flatMap((method) => inDrawing(runs).filter(({ info }) => info.method === method));
  const drawn = shown.length > 0 ? shown : inDrawing(runs);
  if (drawn.length > 0) writeFileSync(drawing, await report.resultsSvg(drawn));
  const figures = join(to, "miniature-figures");
  await report.writeFigures(await report.findFigures(runs), figures);
  return [table, ...(drawn.length > 0 ? [drawing] : []), join(figures, "figures.md")];
}

/** The runs over the first stream of several tasks, of its first seed. */
function inDrawing(runs) {
  const streams = runs.filter(({ accuracy }) => accuracy.datasets.length > 1 && !accuracy.holdOuts);
  const same = ({ info, accuracy }) => [info.protocol, info.seed, ...accuracy.datasets].join();
  return streams.filter((run) => same(run) === same(streams[0]));
}

function markdown(runs) {
  const sections = report.findStreams(runs).map((stream) => {
    const part = report.overallComparison(stream);
    const seeds = [...new Set(part.rows.flatMap((row) => row.seeds))].toSorted((a, b) => a - b);
    const heading = `## ${stream.protocol.toUpperCase()}, ${stream.datasets.length} domains, seeds ${seeds.join(", ")}`;
    const rows = part.rows.map((row) =>
      row.seeds.length === seeds.length
        ? row
        : { ...row, label: `${row.label} (${row.seeds.length} of ${seeds.length} seeds)` },
    );
    return `${heading}\n\n${report.renderMarkdown(report.toTable({ ...part, rows }))}`;
  });
  const tables = report.tableFormats.md.render(report.paperTables(runs));
  return [
    "# Results on the miniature benchmark\n\nAccuracies in percent, mean ± standard deviation over seeds; the best of a column is bold, the second underlined. " +
      "Written by `npm run paper -- --miniature`, with\n[the figures](miniature-figures/figures.md). [miniature-sweep.md](miniature-sweep.md) tells how the learning rates were chosen.\n",
    ...sections,
    tables,
  ].join("\n");
}
