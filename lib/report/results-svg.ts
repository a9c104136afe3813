import type { TopLevelSpec } from "vega-lite";
import type { MetricName } from "../records/index.js";
import { metricDescriptions } from "./metric-descriptions.js";
import { paletteCss, SERIES_COLORS } from "./palette.js";
import { type Run, runLabels } from "./run.js";
import { renderSvg } from "./svg.js";
import { formatPercent } from "./table.js";

/** The metrics drawn as bars: those where longer is better. */
const BAR_METRICS = metricDescriptions.filter(({ best }) => best === "highest");

/**
 * A compact figure that stands alone: Transfer, Average and Last of every run, as bars with their values in
 * percent. It follows the reader's colour scheme.
 */
export async function resultsSvg(runs: Run[]): Promise<string> {
  const hconcat = BAR_METRICS.map(({ name }, i) => metricBars(runs, name, { withLabels: i === 0 }));
  const svg = await renderSvg(
    { hconcat, spacing: 36 } as TopLevelSpec,
    "Transfer, Average and Last of each method",
  );
  return svg.replace(/<svg [^>]*>/, (start) => `${start}<style>${paletteCss(":root")}</style>`);
}

function metricBars(runs: Run[], metric: MetricName, options: { withLabels: boolean }): TopLevelSpec {
  const labels = runLabels(runs);
  const values = runs.map(({ metrics }, i) => {
    const overall = metrics?.[metric].overall;
    return { run: labels[i], value: 100 * (overall ?? 0), text: formatPercent(overall) };
  });
  const axis = {
    title: null,
    ticks: false,
    domain: false,
    labelColor: "var(--ink)",
    labelFontSize: 12,
    labelLimit: 150,
  };
  const scale = { domain: labels, range: seriesColors(runs) };
  return {
    title: `${metricDescriptions.find(({ name }) => name === metric)?.title} (%)`,
    width: 200,
    height: { step: 24 },
    data: { values },
    encoding: {
      y: { field: "run", type: "nominal", sort: null, axis: options.withLabels ? axis : null },
      x: { field: "value", type: "quantitative", scale: { domain: [0, 100] }, axis: null },
    },
    layer: [
      {
        mark: { type: "bar", height: { band: 0.68 } },
        encoding: { color: { field: "run", type: "nominal", legend: null, scale } },
      },
      {
        mark: { type: "text", align: "left", dx: 5, fontSize: 12, color: "var(--ink)" },
        encoding: { text: { field: "text" } },
      },
    ],
  } as TopLevelSpec;
}

/** One colour per run, in order; grey for zero-shot, which the others are read against. */
function seriesColors(runs: Run[]): string[] {
  let trained = 0;
  return runs.map(({ info }) =>
    info.method === "zero-shot" ? "var(--reference)" : `var(--series-${trained++ % SERIES_COLORS})`,
  );
}
