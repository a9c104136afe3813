// Not through protocol/index.js: that loads the addon, and a report must open where there is none.
import { writeFileAtomically } from "../protocol/atomic-file.js";
import { accuracyFigures, lossFigure, resultFigures } from "./figures.js";
import { type Html, html, raw } from "./html.js";
import { type Run, runLabels } from "./run.js";
import { curvesSection, matricesSection } from "./sections/accuracy.js";
import { configurationSection } from "./sections/configuration.js";
import { metricsSection, resultsSection } from "./sections/results.js";
import { lossSection, ranksSection } from "./sections/training.js";
import { stylesheet } from "./style.js";
import { describeRuns } from "./summary.js";
import { seriesStyles } from "./svg.js";
import { commonDatasets } from "./table.js";

/**
 * Writes one self-contained page about runs over the same stream: no scripts, no network, no other files.
 * An existing page stays whole until the new one is complete.
 * @throws if the runs are not over the same protocol and datasets, or the file cannot be written
 */
export async function writeReport(runs: Run[], path: string): Promise<void> {
  writeFileAtomically(path, await reportHtml(runs));
}

/** The page that `writeReport` writes. */
export async function reportHtml(runs: Run[]): Promise<string> {
  const datasets = commonDatasets(runs);
  const labels = runLabels(runs);
  const styles = seriesStyles(runs);
  const isFinished = runs.some(({ metrics }) => metrics);
  const isMeasured = runs.some(({ accuracy }) => accuracy.zeroShot || accuracy.matrix.length > 0);
  const results = isFinished ? await resultFigures(runs) : [];
  const curves = isMeasured ? await accuracyFigures(runs, datasets) : [];
  const losses = await Promise.all(
    runs.map((run, i) => run.steps.length > 0 && lossFigure(run, datasets, styles[i]?.color as string)),
  );
  const sections = [
    { id: "results", title: "Results", body: resultsSection(runs, labels, styles, results) },
    { id: "metrics", title: "Metrics", body: isFinished && metricsSection(runs, styles) },
    { id: "curves", title: "Datasets", body: isMeasured && curvesSection(runs, labels, styles, curves) },
    { id: "matrices", title: "Matrices", body: isMeasured && matricesSection(runs, labels) },
    { id: "loss", title: "Loss", body: losses.some(Boolean) && lossSection(labels, losses) },
    { id: "ranks", title: "Ranks", body: runs.some(({ ranks }) => ranks) && ranksSection(runs, labels) },
    { id: "configuration", title: "Configuration", body: configurationSection(runs, labels) },
  ].filter(({ body }) => body);

  return html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
    <title>${title(runs, datasets)}</title>
    <style>${raw(stylesheet)}</style>
  </head>
  <body>
    <a class="skip" href="#results">Skip to the results</a>
    ${header(runs, datasets, labels)}
    <main>
      <nav aria-label="Sections"><ul>${sections.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}</ul></nav>
      ${sections.map(({ body }) => body)}
    </main>
    <footer><p>Every number on this page comes from the run directories: ${runs.map(({ directory }) => directory).join(", ")}.</p></footer>
  </body>
</html>
`.text;
}

function header(runs: Run[], datasets: string[], labels: string[]): Html {
  const { info } = runs[0] as Run;
  const classes = info.datasets.reduce((sum, dataset) => sum + dataset.classes.length, 0);
  const testImages = info.datasets.reduce((sum, dataset) => sum + dataset.testImages, 0);
  const facts: [string, string][] = [
    ["Protocol", protocolName(info.protocol)],
    ["Stream", datasets.join(" → ")],
    ["Classes", classes.toLocaleString("en")],
    ["Test images", testImages.toLocaleString("en")],
    [runs.length === 1 ? "Method" : "Methods", labels.join(", ")],
    ["Started", info.startedAt.slice(0, 10)],
  ];
  return html`
    <header>
      <p class="eyebrow">codyra report</p>
      <h1>${title(runs, datasets)}</h1>
      <p class="lead">${describeRuns(runs, labels)}</p>
      <dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
    </header>`;
}

function title(runs: Run[], datasets: string[]): string {
  const stream = datasets.length === 1 ? "1 dataset" : `${datasets.length} datasets in a row`;
  return runs.length === 1
    ? `${(runs[0] as Run).info.method}, ${stream}`
    : `${stream}, ${runs.length} runs compared`;
}

function protocolName(protocol: string): string {
  return protocol.toUpperCase();
}
