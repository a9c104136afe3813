import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { countCosts } from "../../dist/experiment/index.js";
import { report } from "../../dist/index.js";

/**
 * Writes the tables and figures of the finished runs of the miniature plan, and the drawing of the README.
 * @param {{ demo: string[] }} settings content of configs/miniature.yaml; demo: the methods in the drawing
 * @returns {Promise<string[]>} the files; none where no run is finished
 */
export async function writeResults(works, { demo }, to) {
  const finished = works.filter((work) => work.method && work.isFinished());
  if (finished.length === 0) return [];
  const runs = finished.map(({ directory }) => report.readRun(directory));
  mkdirSync(to, { recursive: true });
  const [table, drawing] = ["md", "svg"].map((extension) => join(to, `miniature-results.${extension}`));
  writeFileSync(table, markdown(runs, countCosts()));
  const [stream] = plainStreams(runs);
  if (stream) writeFileSync(drawing, await report.resultsSvg(inDrawing(stream, demo)));
  const figures = join(to, "miniature-figures");
  await report.writeFigures(await report.findFigures(runs), figures);
  return [table, ...(stream ? [drawing] : []), join(figures, "figures.md")];
}

function plainStreams(runs) {
  return report.findStreams(runs).filter(({ holdOuts }) => holdOuts.length === 0);
}

/** The first seed of the methods that are shown, or of all where none of them was run. */
function inDrawing({ methods }, demo) {
  const shown = demo.filter((method) => methods.has(method));
  return (shown.length > 0 ? shown : [...methods.keys()]).map((method) => methods.get(method).runs[0]);
}

function markdown(runs, costs) {
  const sections = plainStreams(runs).map((stream) => {
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
  const all = [...report.paperTables(runs), report.costComparison({ methods: costs })];
  const tables = report.tableFormats.md.render(all.toSorted((a, b) => a.number - b.number));
  return [
    "# Results on the miniature benchmark\n\nAccuracies in percent, mean ± standard deviation over seeds; the best of a column is bold, the second underlined. " +
      "Written by `npm run paper -- --miniature`, with\n[the figures](miniature-figures/figures.md). [miniature-sweep.md](miniature-sweep.md) tells how the learning rates were chosen.\n" +
      "In MTIL, StatRA has [options of its own](statra.md#on-miniature-v2); every other method has the same in both protocols.\n",
    ...sections,
    tables,
  ].join("\n");
}
