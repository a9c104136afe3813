import { type Html, html } from "../html.js";
import type { Run, RunInfo } from "../run.js";

const differs = html` <span class="differs" title="the runs differ">≠</span>`;

const runFacts: [name: string, of: (info: RunInfo) => string][] = [
  ["seed", (info) => String(info.seed)],
  ["trainable parameters", (info) => info.trainableParameters.toLocaleString("en")],
  ["reference data", ({ reference }) => (reference ? describeReference(reference) : "–")],
  ["all parameters", (info) => info.totalParameters.toLocaleString("en")],
  ["started", (info) => formatTime(info.startedAt)],
  ["finished", (info) => (info.finishedAt === null ? "not finished" : formatTime(info.finishedAt))],
  ["duration", (info) => formatDuration(info.durationSeconds)],
  ["peak memory", (info) => `${(info.peakResidentBytes / 2 ** 30).toFixed(2)} GiB`],
  ["codyra", (info) => info.versions.codyra],
  ["libtorch", (info) => info.versions.libtorch],
  ["Node.js", (info) => info.versions.node],
  ["git revision", (info) => info.gitRevision ?? "–"],
];

/** What is needed to repeat the runs: configuration, versions, cost, and the fingerprints of the data. */
export function configurationSection(runs: Run[], labels: string[]): Html {
  const configs = runs.map(({ info }) => flatten(info.config));
  const settings = [...new Set(configs.flatMap((config) => Object.keys(config)))].sort();
  const rows: [name: string, values: string[]][] = [
    ...settings.map((key): [string, string[]] => [key, configs.map((config) => config[key] ?? "–")]),
    ...runFacts.map(([name, of]): [string, string[]] => [name, runs.map(({ info }) => of(info))]),
  ];
  return html`
    <section id="configuration">
      <h2>Configuration</h2>
      ${runs.length > 1 && html`<p>Rows in which the runs differ are marked${differs}.</p>`}
      <div class="scroll" tabindex="0" role="region" aria-label="Configuration table">
        <table class="plain">
          <thead><tr><th scope="col">Setting</th>${labels.map((label) => html`<th scope="col">${label}</th>`)}</tr></thead>
          <tbody>
            ${rows.map(
              ([name, values]) => html`
            <tr><th scope="row">${name}${new Set(values).size > 1 && differs}</th>${values.map((value) => html`<td>${value}</td>`)}</tr>`,
            )}
          </tbody>
        </table>
      </div>
      ${datasetsTable(runs, labels)}
    </section>`;
}

function datasetsTable(runs: Run[], labels: string[]): Html {
  const [first, ...others] = runs as [Run, ...Run[]];
  const prints = ({ info }: Run) =>
    [...info.datasets, ...(info.holdOuts ?? [])].map(({ fingerprint }) => fingerprint).join();
  const different = others.flatMap((run, i) =>
    prints(run) === prints(first) ? [] : [labels[i + 1] as string],
  );
  const { datasets, holdOuts = [] } = first.info;
  const row = (dataset: (typeof holdOuts)[number], trainImages: string) => html`
            <tr><th scope="row">${dataset.name}</th>
              <td class="number">${dataset.classes.length}</td><td class="number">${trainImages}</td>
              <td class="number">${dataset.testImages.toLocaleString("en")}</td><td>${dataset.template}</td><td><code>${dataset.fingerprint}</code></td></tr>`;
  const rows = [
    ...datasets.map((dataset) => row(dataset, dataset.trainImages.toLocaleString("en"))),
    ...holdOuts.map((dataset) => row(dataset, "hold-out")),
  ];
  return html`
      <h3>Datasets</h3>
      ${
        different.length > 0 &&
        html`<p class="warning">Not the same data: the fingerprints of ${different.join(", ")} differ from those of ${labels[0]}, shown here.</p>`
      }
      <div class="scroll" tabindex="0" role="region" aria-label="Datasets table">
        <table class="plain datasets">
          <thead><tr>${["Dataset", "Classes", "Training images", "Test images", "Prompt", "Fingerprint"].map(
            (name) => html`<th scope="col">${name}</th>`,
          )}</tr></thead>
          <tbody>${rows}
          </tbody>
        </table>
      </div>`;
}

function describeReference({ name, images, texts }: NonNullable<RunInfo["reference"]>): string {
  return `${name}: ${images.toLocaleString("en")} images, ${texts.toLocaleString("en")} texts`;
}

/** Nested settings under dotted names, without those not set: `{a: {b: 1}, c: null}` becomes `{"a.b": "1"}`. */
function flatten(config: Record<string, unknown>, prefix = ""): Record<string, string> {
  return Object.assign(
    {},
    ...Object.entries(config).map(([key, value]) => {
      const name = prefix + key;
      if (value === null || value === undefined) return {};
      if (typeof value === "object" && !Array.isArray(value)) {
        return flatten(value as Record<string, unknown>, `${name}.`);
      }
      return { [name]: formatSetting(value) };
    }),
  );
}

function formatSetting(value: unknown): string {
  if (Array.isArray(value)) return value.map(formatSetting).join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** `2025-01-02T03:04:05.678Z` as `2025-01-02 03:04:05 UTC`. */
function formatTime(iso: string): string {
  return `${iso.slice(0, 19).replace("T", " ")} UTC`;
}

function formatDuration(seconds: number): string {
  const rounded = Math.round(seconds);
  const [h, m, s] = [Math.floor(rounded / 3600), Math.floor(rounded / 60) % 60, rounded % 60];
  return [h > 0 && `${h} h`, (h > 0 || m > 0) && `${m} min`, `${s} s`].filter(Boolean).join(" ");
}
