import { known } from "../../records/index.js";
import {
  type Configuration,
  describeConfiguration,
  location,
  mainConfiguration,
  variants,
} from "./configurations.js";
import type { Figure, FigureKind, Row } from "./figure.js";
import { locationDrawing } from "./location-drawing.js";
import { probedDatasets, probes } from "./probes.js";
import { runCommand } from "./run-command.js";
import { deviationNote, meanAndStd } from "./statistics.js";
import { type Study, studies } from "./studies.js";

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
    const title = "Adapted matrices and rank of LoRA: adaptation against retention";
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
      spec: locationDrawing(title, notes, panels),
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
