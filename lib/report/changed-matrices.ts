import type { RunGroup } from "./groups.js";
import { type MatrixRanks, type RankChanges, rankChanges } from "./rank-changes.js";
import type { Run } from "./run.js";
import { plural } from "./wording.js";

const NAMED_MATRICES = 3;
/** A fine-tuned model may keep a scalar or two, such as the temperature. */
const NEARLY_ALL = 0.99;

/**
 * Which weights changed, in words: from the ranks where there are adapters, else from the number of trained
 * parameters.
 */
export function describeMatrices({ runs }: RunGroup): string {
  const changes = rankChanges(runs);
  if (changes) return describeRanks(changes);
  const { trainableParameters, totalParameters } = (runs[0] as Run).info;
  if (trainableParameters === 0) return "no weight of the model changed.";
  if (trainableParameters >= NEARLY_ALL * totalParameters) return "all matrices of the model were trained.";
  const [trained, all] = [trainableParameters, totalParameters].map((n) => n.toLocaleString("en"));
  return `${plural(trained as string, "parameter")} trained; the model has ${all}.`;
}

function describeRanks({ rank, share, matrices, expectedOutside }: RankChanges): string {
  const adapted = `${matrices.length} adapted matrices`;
  if (share === 1) return `all ${adapted} changed with every task, each with all of its ${rank} ranks.`;
  const unchanged = matrices.filter(({ active }) => active === 0).length;
  const none = unchanged > 0 ? `, none at all in ${unchanged}` : "";
  const kept = `${Math.round(100 * share)} % of the ranks of ${adapted} stayed active${none}.`;

  const sorted = matrices.toSorted((a, b) => b.active - a.active);
  const above = sorted.filter(({ outside }) => outside === "above");
  const below = sorted.filter(({ outside }) => outside === "below").reverse();
  const found = above.length + below.length;
  if (found === 0) return `${kept} No matrix changed with more or fewer ranks than chance explains.`;
  const lists = [
    above.length > 0 && `more in ${named(above)}`,
    below.length > 0 && `fewer in ${named(below)}`,
  ];
  return (
    `${kept} ${found === 1 ? "One matrix lies" : `${found} matrices lie`} outside what chance explains, where it alone would put about ` +
    `${expectedOutside.toFixed(0)}: ${lists.filter(Boolean).join(", ")}.`
  );
}

function named(matrices: MatrixRanks[]): string {
  const names = matrices.slice(0, NAMED_MATRICES).map(({ module: { encoder, target, layer }, active }) => {
    return `${encoder} ${target} of layer ${layer + 1} (${active.toFixed(1)} ranks)`;
  });
  const rest = matrices.length - names.length;
  return rest > 0 ? `${names.join(", ")} and ${rest} more` : names.join(", ");
}
