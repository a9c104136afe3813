import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { report } from "../../dist/index.js";

/**
 * Writes a table for each group of the plan, with the finished runs and the names of those that are missing.
 * @returns {Promise<string[]>} the file; none where no run is finished
 */
export async function writeResults(works, _settings, to) {
  if (!works.some((work) => work.isFinished())) return [];
  mkdirSync(to, { recursive: true });
  const file = join(to, "real-images-results.md");
  const groups = [...new Set(works.map(({ group }) => group))];
  const sections = groups.map((each) =>
    section(
      each,
      works.filter(({ group }) => group === each),
    ),
  );
  const about =
    "Percent, mean ± standard deviation over seeds where there are several; the best of a column is bold, the second underlined.\n" +
    "Written by `npm run paper -- --real-images PACK --model CLIP`; [real-images.md](real-images.md) says what the pack and the model are.";
  writeFileSync(file, `# Results on real images\n\n${about}\n\n${sections.join("\n")}`);
  return [file];
}

function section({ for: purpose, protocol }, works) {
  const finished = works.filter((work) => work.isFinished());
  const runs = finished.map(({ directory }) => report.readRun(directory));
  const tables = report
    .findStreams(runs)
    .flatMap((stream) => [
      report.renderMarkdown(report.toTable(withSeeds(report.overallComparison(stream)))),
      ...stream.leftOut.map(({ text }) => `Left out: ${text}.\n`),
    ]);
  const missing = works.filter((work) => !finished.includes(work));
  return `## ${protocol.toUpperCase()}: ${purpose}\n\n${[...tables, notRun(missing)].join("\n")}`;
}

/** Runs that are missing, each method with its seeds. */
function notRun(works) {
  if (works.length === 0) return "";
  const methods = [...new Set(works.map(({ method }) => method))].map((method) => {
    const seeds = works.filter((work) => work.method === method).map(({ seed }) => seed);
    return `- ${method}: ${seedsInWords(seeds)}\n`;
  });
  return `Not run yet:\n\n${methods.join("")}`;
}

function seedsInWords(seeds) {
  return `seed${seeds.length > 1 ? "s" : ""} ${seeds.join(", ")}`;
}

/** The comparison with the seeds of every row. */
function withSeeds(part) {
  const rows = part.rows.map((row) => ({
    ...row,
    label: `${row.label}, ${seedsInWords(row.seeds)}`,
  }));
  return { ...part, rows };
}
