import { known } from "../../records/index.js";
import {
  type Configuration,
  describeConfiguration,
  location,
  mainConfiguration,
  variants,
} from "./configurations.js";
import type { Figure, FigureKind, Row } from "./figure.js";
import { probedDatasets, probes } from "./probes.js";
import { runCommand } from "./run-command.js";
import { deviationNote, meanAndStd } from "./statistics.js";
import { type Study, studies } from "./studies.js";
import { grey, ink, markers, note, okabeIto, titled } from "./theme.js";

const [locations, ranks] = studies as [Study, Study, ...Study[]];
const options = [...locations.options, ...ranks.options];

/** Adaptation against retention of plain LoRA over adapted matrices and ranks. Figure 2. */
export const locationAndRank: FigureKind = {
  numbers: [2],
  async find(runs) {
    const found = probes(runs, "lora");
    const panels = probedDatasets(found).flatMap((dataset) => {
      const candidates = found.filter(({ datasets }) => datasets[0] === dataset);
      const main = mainConfiguration(candidates, [options]) as Configuration;
      const varied = variants(main, candidates, options);
      return varied.length > 1 ? [{ dataset, main, rows: varied.map((each) => rowOf(dataset, each)) }] : [];
    });
    if (panels.length === 0) return { figures: [], missing: [missing] };
    const title = "Where LoRA is put, and its rank: adaptation against retention";
    const notes = [
      ...panels.map(
        ({ dataset, main }) =>
          `${dataset}: ${describeConfiguration(main)}; retention is the mean over ${main.holdOuts.join(", ")}.`,
      ),
      "Each point starts from the pre-trained model and learns one dataset; its number is the rank.",
      ...deviationNote(panels.flatMap(({ rows }) => rows)),
    ];
    const figure: Figure = {
      number: 2,
      name: "figure-2-location-and-rank",
      title,
      notes,
      spec: drawing(title, notes, panels),
      rows: panels.flatMap(({ rows }) => rows),
    };
    return { figures: [figure], missing: [] };
  },
};

const missing = {
  numbers: [2],
  title: "Adaptation against retention over adapted matrices and ranks",
  reason:
    "fewer than two finished lora runs that learn one dataset, with hold-outs, and differ in encoders, targets or rank",
  commands: ranks.suggestions.flatMap((rank) =>
    locations.suggestions.map((location) =>
      runCommand({
        method: "lora",
        dataset: "aircraft",
        holdOut: "imagenet1k",
        options: [...rank, ...location],
      }),
    ),
  ),
};

/** Accuracies in percent. */
function rowOf(dataset: string, configuration: Configuration): Row {
  const { runs } = configuration;
  const over = (values: readonly number[]) => meanAndStd(values.map((value) => 100 * value));
  const adaptation = over(runs.map(({ accuracy }) => accuracy.matrix[0]?.[0] as number));
  const retention = over(
    runs.map(({ accuracy }) => meanAndStd(known(accuracy.holdOuts?.matrix[0] ?? [])).mean),
  );
  const { zeroShot, holdOuts } = runs[0].accuracy;
  return {
    dataset,
    location: location(configuration),
    rank: configuration.options.rank as number,
    seeds: runs.length,
    adaptation: adaptation.mean,
    adaptationStd: adaptation.std,
    retention: retention.mean,
    retentionStd: retention.std,
    zeroShotAdaptation: zeroShot ? 100 * (zeroShot[0] as number) : null,
    zeroShotRetention: holdOuts?.zeroShot ? over(known(holdOuts.zeroShot)).mean : null,
  };
}

/** Area of a marker, in square pixels. It grows slowly enough for ranks from 1 to 64 in one plot. */
function markerArea(rank: number): number {
  return 23 * rank ** 0.7;
}

function drawing(
  title: string,
  notes: readonly string[],
  panels: { dataset: string; rows: readonly Row[] }[],
): object {
  const locations = [...new Set(panels.flatMap(({ rows }) => rows.map((row) => row.location)))];
  const ranks = [...new Set(panels.flatMap(({ rows }) => rows.map((row) => row.rank as number)))].toSorted(
    (a, b) => a - b,
  );
  const axis = (field: string, axisTitle: string | string[] = "") => ({
    field,
    type: "quantitative",
    scale: { zero: false, padding: 18 },
    axis: { title: axisTitle },
  });
  const kinds = {
    field: "location",
    type: "nominal",
    legend: { title: "adapted matrices", symbolSize: 90, symbolOpacity: 1, labelLimit: 300 },
  };
  const color = { ...kinds, scale: { domain: locations, range: okabeIto } };
  const pretrained = (channel: "x" | "y", field: string, label: object, end: object) => ({
    transform: [{ filter: `datum.${field} !== null` }, { sample: 1 }],
    encoding: { [channel]: { field, type: "quantitative" } },
    layer: [
      { mark: { type: "rule", strokeDash: [5, 4], color: grey } },
      { mark: { type: "text", text: "pre-trained", color: note, fontSize: 9, ...label }, encoding: end },
    ],
  });
  const deviation = (channel: "x" | "y", field: string) => ({
    transform: [
      { filter: `datum.${field}Std > 0` },
      { calculate: `datum.${field} - datum.${field}Std`, as: "low" },
      { calculate: `datum.${field} + datum.${field}Std`, as: "high" },
    ],
    mark: { type: "rule", opacity: 0.6 },
    encoding: {
      x: axis("adaptation"),
      y: axis("retention"),
      [channel]: axis("low"),
      [`${channel}2`]: { field: "high" },
      color,
    },
  });
  return {
    title: titled(title, notes, 92),
    spacing: 36,
    hconcat: panels.map(({ dataset, rows }) => ({
      title: { text: dataset, fontSize: 11, fontWeight: "normal" },
      width: 300,
      height: 280,
      data: {
        values: rows.map((row) => ({ ...row, radius: Math.sqrt(markerArea(row.rank as number)) / 2 })),
      },
      layer: [
        pretrained("x", "zeroShotAdaptation", { align: "left", dx: 4, baseline: "top" }, { y: { value: 2 } }),
        pretrained(
          "y",
          "zeroShotRetention",
          { align: "right", dy: -4, baseline: "bottom" },
          { x: { value: "width" } },
        ),
        deviation("x", "adaptation"),
        deviation("y", "retention"),
        {
          mark: { type: "point", filled: true, opacity: 1, stroke: "white", strokeWidth: 0.5 },
          encoding: {
            x: axis("adaptation", `adaptation: accuracy on ${dataset} (%)`),
            y: axis("retention", ["retention: mean zero-shot", "accuracy on the others (%)"]),
            color,
            shape: { ...kinds, scale: { domain: locations, range: markers } },
            size: {
              field: "rank",
              type: "ordinal",
              scale: { type: "ordinal", domain: ranks, range: ranks.map(markerArea) },
              legend: { title: ["rank", "(per matrix)"], symbolFillColor: grey, symbolStrokeWidth: 0 },
            },
          },
        },
        {
          mark: { type: "text", align: "left", dx: { expr: "datum.radius + 4" }, fontSize: 9, color: ink },
          encoding: { x: axis("adaptation"), y: axis("retention"), text: { field: "rank" } },
        },
      ],
    })),
  };
}
