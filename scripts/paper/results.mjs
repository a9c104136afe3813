import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { report } from "../../dist/index.js";
import { isFinished, protocols, runDirectory } from "./plan.mjs";

const titles = { "x-tail": "X-TAIL", mtil: "MTIL" };
const metrics = [
  { name: "transfer", title: "Transfer", best: Math.max },
  { name: "average", title: "Average", best: Math.max },
  { name: "last", title: "Last", best: Math.max },
  { name: "forgetting", title: "Forgetting", best: Math.min },
];

/**
 * Writes the tables and the figure of all runs that are finished, and a report for each protocol and seed.
 * @returns {Promise<string[]>} the files of the results; none when no run is finished
 */
export async function writeResults(settings, folder, to) {
  const groups = readRuns(settings, folder);
  if (groups.length === 0) return [];
  mkdirSync(to, { recursive: true });
  const [table, figure] = ["md", "svg"].map((extension) => join(to, `miniature-results.${extension}`));
  writeFileSync(table, markdown(settings, groups));
  const [{ runs }] = groups;
  const shown = settings.demo.flatMap((method) => runs.filter(({ info }) => info.method === method));
  writeFileSync(figure, await report.resultsSvg(shown.length > 0 ? shown : runs));
  for (const { runs } of groups) await report.writeReport(runs, join(runs[0].directory, "..", "report.html"));
  return [table, figure];
}

/** The finished runs of every protocol and seed, methods in the order of the settings. */
function readRuns(settings, folder) {
  return protocols.flatMap((protocol) =>
    seedsIn(join(folder, protocol)).flatMap((seed) => {
      const runs = Object.keys(settings.methods).flatMap((method) => {
        const directory = runDirectory(folder, { protocol, seed, method });
        return isFinished(directory, settings, method) ? [report.readRun(directory)] : [];
      });
      return runs.length === 0 ? [] : [{ protocol, seed, runs }];
    }),
  );
}

function seedsIn(folder) {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names
    .map((name) => Number(/^seed-(\d+)$/.exec(name)?.[1]))
    .filter(Number.isInteger)
    .sort((a, b) => a - b);
}

function markdown({ methods }, groups) {
  const sections = protocols.flatMap((protocol) => {
    const ofProtocol = groups.filter((group) => group.protocol === protocol);
    return ofProtocol.length === 0 ? [] : [section(titles[protocol], Object.keys(methods), ofProtocol)];
  });
  const heading =
    "# Results on the miniature benchmark\n\nOverall accuracies in percent, mean ± standard deviation over seeds; the best mean of a column " +
    "is bold. Written by `npm run paper -- --miniature`.\n[miniature-sweep.md](miniature-sweep.md) tells how the learning rates were chosen.\n";
  return [heading, ...sections].join("\n");
}

function section(title, methods, groups) {
  const seeds = groups.map(({ seed }) => seed);
  const rows = methods.flatMap((method) => {
    const runs = groups.flatMap(({ runs }) => runs.filter(({ info }) => info.method === method));
    if (runs.length === 0) return [];
    const label =
      runs.length === seeds.length ? method : `${method} (${runs.length} of ${seeds.length} seeds)`;
    return [
      { label, cells: metrics.map(({ name }) => summary(runs.map((run) => run.metrics[name].overall))) },
    ];
  });
  const best = metrics.map(({ best }, j) =>
    best(...rows.map(({ cells }) => Number(cells[j].mean))).toFixed(1),
  );
  const lines = rows.map(({ label, cells }) => {
    const texts = cells.map(({ mean, deviation }, j) =>
      mean === best[j] ? `**${mean}** ± ${deviation}` : `${mean} ± ${deviation}`,
    );
    return `| ${[label, ...texts].join(" | ")} |\n`;
  });
  const header = `| method | ${metrics.map(({ title }) => title).join(" | ")} |\n|---|${"---|".repeat(metrics.length)}\n`;
  return `## ${title}, seeds ${seeds.join(", ")}\n\n${header}${lines.join("")}`;
}

/** In percent, with one decimal. */
function summary(fractions) {
  const values = fractions.map((fraction) => 100 * fraction);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const deviation = Math.sqrt(squares / Math.max(values.length - 1, 1)); // of a sample
  const text = mean.toFixed(1);
  return { mean: text === "-0.0" ? "0.0" : text, deviation: deviation.toFixed(1) };
}
