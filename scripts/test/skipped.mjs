/**
 * Why tests were left out, one line for each reason, the most frequent first: `3 skipped: no CUDA device (run
 * it where there is one)`.
 *
 * Tests say what they need in their options, as `test/needs.ts` makes them: `{ meta: { needs: { reason,
 * remedy } } }`.
 * @param {{ testResults: { assertionResults: { status: string, meta?: object }[] }[] } | undefined} results
 * Vitest's JSON report
 * @returns {string[]}
 */
export function explainSkipped(results) {
  const counts = new Map();
  for (const { status, meta } of results?.testResults.flatMap((file) => file.assertionResults) ?? []) {
    if (!["skipped", "pending", "todo", "disabled"].includes(status)) continue;
    const line = explain(status === "todo" ? { reason: "not written yet" } : meta?.needs);
    counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a).map(([line, count]) => `${count} skipped: ${line}`);
}

function explain({ reason = "no reason given", remedy } = {}) {
  return remedy === undefined ? reason : `${reason} (${remedy})`;
}
