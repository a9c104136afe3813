import { holdOutAccuracy, type Metric } from "../../records/index.js";
import { groupRuns, type RunGroup } from "../groups.js";
import type { Run, RunInfo } from "../run.js";
import { describeGroup, describeGroups, outcome } from "../summary.js";
import { commonDatasets } from "../table.js";
import type { DatasetData, GroupData, MetricData, PageData, RunData } from "./data.js";
import { guardData } from "./guard-data.js";
import { lossCurves } from "./losses.js";
import { runSettings } from "./run-settings.js";

/** More methods than these are a crowd: the page begins with some of them. */
const MAX_SHOWN = 6;

/**
 * The page's data about runs over the same stream.
 * @throws if the runs are not over the same protocol and datasets
 */
export function pageData(runs: Run[]): PageData {
  const datasets = commonDatasets(runs);
  const groups = groupRuns(runs);
  const ordered = groups.flatMap((group) => group.runs);
  const holdOuts = describeDatasets(ordered, (info) => info.holdOuts ?? []);
  const modules = new Map<string, number>();
  const moduleSets: PageData["modules"] = [];
  const moduleSet = (set: PageData["modules"][number]): number => {
    const key = JSON.stringify(set);
    const known = modules.get(key);
    if (known !== undefined) return known;
    modules.set(key, moduleSets.length);
    return moduleSets.push(set) - 1;
  };
  return {
    title: title(groups, datasets),
    summary: describeGroups(groups),
    facts: facts(groups, datasets),
    warnings: differentData(ordered),
    datasets: describeDatasets(ordered, (info) => info.datasets),
    holdOuts,
    groups: describeMethods(groups),
    runs: ordered.map((run) =>
      runData(
        run,
        holdOuts.map(({ name }) => name),
        moduleSet,
      ),
    ),
    modules: moduleSets,
  };
}

function runData(
  { info, accuracy, metrics, steps, ranks, directory, phases, guard }: Run,
  holdOutNames: string[],
  moduleSet: (set: PageData["modules"][number]) => number,
): RunData {
  const { holdOuts } = accuracy;
  const aligned = <T>(values: T[] | undefined) =>
    holdOutNames.map((name) => values?.[holdOuts?.datasets.indexOf(name) ?? -1] ?? null);
  const holdOutMetric = metrics && holdOuts && holdOutAccuracy(holdOuts);
  return {
    seed: info.seed,
    directory,
    started: formatTime(info.startedAt),
    finished: info.finishedAt === null ? null : formatTime(info.finishedAt),
    accuracy: { zeroShot: accuracy.zeroShot ?? null, matrix: accuracy.matrix },
    holdOuts: holdOuts
      ? {
          zeroShot: holdOuts.zeroShot ? aligned(holdOuts.zeroShot) : null,
          matrix: holdOuts.matrix.map(aligned),
        }
      : null,
    metrics: metrics
      ? {
          transfer: metricData(metrics.transfer),
          average: metricData(metrics.average),
          last: metricData(metrics.last),
          forgetting: metricData(metrics.forgetting),
        }
      : null,
    holdOutMetric: holdOutMetric
      ? { columns: aligned(holdOutMetric.columns), overall: holdOutMetric.overall ?? null }
      : null,
    losses: lossCurves(steps, accuracy.datasets),
    ranks: ranks ? { rank: ranks.rank, modules: moduleSet(ranks.modules), tasks: ranks.tasks } : null,
    cost: {
      seconds: info.durationSeconds,
      trainingSeconds: phases.trainingSeconds ?? null,
      evaluationSeconds: phases.evaluationSeconds ?? null,
      peakResidentBytes: info.peakResidentBytes,
      trainableParameters: info.trainableParameters,
      totalParameters: info.totalParameters,
      memory: phases.memory.map(({ phase, residentBytes, deviceBytes = null }) => ({
        phase,
        residentBytes,
        deviceBytes,
      })),
    },
    guard: guardData(guard),
    settings: runSettings(info),
  };
}

/** `2025-01-02T03:04:05.678Z` as `2025-01-02 03:04:05 UTC`. */
function formatTime(iso: string): string {
  return `${iso.slice(0, 19).replace("T", " ")} UTC`;
}

function metricData({ columns, overall }: Metric): MetricData {
  return { columns: columns.map((value) => value ?? null), overall: overall ?? null };
}

/** Colours go to the groups shown first, so that these differ. */
function describeMethods(groups: RunGroup[]): GroupData[] {
  const shown = groupsShown(groups);
  const isZeroShot = ({ runs }: RunGroup) => runs[0]?.info.method === "zero-shot";
  const styled = [...shown, ...groups.filter((group) => !shown.has(group))].filter((g) => !isZeroShot(g));
  let next = 0;
  return groups.map((group) => {
    const first = next;
    next += group.runs.length;
    return {
      label: group.label,
      style: styled.indexOf(group),
      isShown: shown.has(group),
      runs: group.runs.map((_, i) => first + i),
      summary: describeGroup(group),
    };
  });
}

/** All of a few; of many, zero-shot, the one that forgets most, and those that end highest. */
function groupsShown(groups: RunGroup[]): Set<RunGroup> {
  if (groups.length <= MAX_SHOWN) return new Set(groups);
  const result = ({ runs }: RunGroup) => outcome(runs[0] as Run);
  const by = (key: "last" | "forgotten") =>
    groups.toSorted((a, b) => (result(b)?.[key] ?? 0) - (result(a)?.[key] ?? 0));
  const zeroShot = groups.filter(({ runs }) => runs[0]?.info.method === "zero-shot");
  const wanted = [...new Set([...zeroShot, ...by("forgotten").slice(0, 1), ...by("last")])];
  return new Set(wanted.slice(0, MAX_SHOWN));
}

function describeDatasets(runs: Run[], of: (info: RunInfo) => TestedInfo[]): DatasetData[] {
  const names = [...new Set(runs.flatMap(({ info }) => of(info).map(({ name }) => name)))];
  return names.map((name) => {
    const found = runs.flatMap(({ info }) => {
      const dataset = of(info).find((candidate) => candidate.name === name);
      return dataset ? [{ ...dataset, seed: info.seed }] : [];
    });
    const [first] = found as [TestedInfo & { seed: number }];
    const fingerprints = [...new Set(found.map(({ fingerprint }) => fingerprint))].map((fingerprint) => {
      const seeds = found.filter((dataset) => dataset.fingerprint === fingerprint).map(({ seed }) => seed);
      return { seeds: [...new Set(seeds)].sort((a, b) => a - b), fingerprint };
    });
    return {
      name,
      classes: first.classes.length,
      trainImages: first.trainImages ?? null,
      testImages: first.testImages,
      template: first.template,
      fingerprints,
    };
  });
}

type TestedInfo = Omit<RunInfo["datasets"][number], "trainImages"> & { trainImages?: number };

/** Few-shot samples differ between seeds; runs of one seed must have seen the same images. */
function differentData(runs: Run[]): string[] {
  const seeds = [...new Set(runs.map(({ info }) => info.seed))];
  return seeds.flatMap((seed) => {
    const ofSeed = runs.filter(({ info }) => info.seed === seed);
    const prints = new Map<string, Set<string>>();
    for (const { info } of ofSeed) {
      for (const { name, fingerprint } of [...info.datasets, ...(info.holdOuts ?? [])]) {
        prints.set(name, (prints.get(name) ?? new Set()).add(fingerprint));
      }
    }
    const different = [...prints].filter(([, found]) => found.size > 1).map(([name]) => name);
    return different.length === 0
      ? []
      : [`Runs of seed ${seed} saw different images of ${different.join(", ")}: compare them with care.`];
  });
}

function title(groups: RunGroup[], datasets: string[]): string {
  const stream = datasets.length === 1 ? "1 dataset" : `${datasets.length} datasets in a row`;
  const [only, ...more] = groups as [RunGroup, ...RunGroup[]];
  return more.length === 0 ? `${only.label}, ${stream}` : `${stream}, ${groups.length} methods compared`;
}

function facts(groups: RunGroup[], datasets: string[]): [string, string][] {
  const runs = groups.flatMap((group) => group.runs);
  const { info } = runs[0] as Run;
  const sum = (of: (dataset: RunInfo["datasets"][number]) => number) =>
    info.datasets.reduce((total, dataset) => total + of(dataset), 0).toLocaleString("en");
  const seeds = [...new Set(runs.map((run) => run.info.seed))].sort((a, b) => a - b);
  const models = [...new Set(runs.flatMap((run) => run.info.config.model ?? []))];
  const started = runs.map((run) => run.info.startedAt.slice(0, 10)).sort();
  return [
    ["Protocol", info.protocol.toUpperCase()],
    ...(models.length > 0
      ? [[models.length === 1 ? "Model" : "Models", models.join(", ")] as [string, string]]
      : []),
    ["Classes", sum(({ classes }) => classes.length)],
    ["Test images", sum(({ testImages }) => testImages)],
    ["Runs", `${runs.length}`],
    [seeds.length === 1 ? "Seed" : "Seeds", seeds.join(", ")],
    ["Started", started[0] as string],
    ["Stream", datasets.join(" → ")], // last, since it may be long
  ];
}
