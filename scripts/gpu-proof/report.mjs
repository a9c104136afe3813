import { stripVTControlCharacters } from "node:util";

const shownLines = 40;

/**
 * The proof as Markdown: machine, one row per stage, the benchmarks' tables, and the end of what failed
 * stages printed.
 * @param {{ device: string, machine: string[], results: object[] }} proof results as `runStage` gives them
 */
export function formatProof({ device, machine, results }) {
  const failed = results.filter(({ outcome }) => outcome !== "passed");
  return [
    `# Proof on ${device === "cpu" ? "the CPU (a dry run)" : "a GPU"}`,
    "",
    failed.length === 0
      ? `All ${results.length} stages passed.`
      : `${failed.length} of ${results.length} stages did not pass: ${failed.map(({ name }) => name).join(", ")}.`,
    "",
    ...machine.map((line) => `- ${line}`),
    "",
    "| stage | outcome | seconds |",
    "|---|---|---|",
    ...results.map(({ name, outcome, seconds = 0 }) => `| ${name} | ${outcome} | ${seconds.toFixed(0)} |`),
    "",
    ...results.filter(({ tables }) => tables).map(({ tables }) => `${tables.trim()}\n`),
    ...failed.flatMap(({ name, output }) => [`## What ${name} printed last`, "", fenced(output), ""]),
  ].join("\n");
}

function fenced(output) {
  const lines = stripVTControlCharacters(output).trimEnd().split("\n").slice(-shownLines);
  return ["```text", ...lines, "```"].join("\n");
}
