import { expect, test } from "vitest";
import { jsonOutput, tableOutput } from "../../../lib/cli/output/classification-output.js";

const path = "photos/2024/summer/rose.jpg";

function table(options: { color?: boolean; width?: number }): string {
  let text = "";
  const output = tableOutput((part) => (text += part), {
    longestPath: path.length,
    labels: ["rose", "tulip"],
    ...options,
  });
  output.add({ path: "broken.jpg", error: "truncated" });
  output.add({
    path,
    predictions: [
      { label: "rose", probability: 1 },
      { label: "tulip", probability: 0.0004 },
    ],
  });
  output.end();
  return text;
}

test("columns are as wide as what is in them", () => {
  expect(table({})).toBe(
    [
      "Image                        Label      %",
      "─────────────────────────────────────────",
      "photos/2024/summer/rose.jpg  rose   100.0",
      "                             tulip    0.0",
      "",
    ].join("\n"),
  );
});

test("a path that does not fit loses its beginning", () => {
  expect(table({ width: 36 })).toBe(
    [
      "Image                   Label      %",
      "─".repeat(36),
      "…/2024/summer/rose.jpg  rose   100.0",
      "                        tulip    0.0",
      "",
    ].join("\n"),
  );
});

test("in colour the most probable label is bold", () => {
  expect(table({ color: true })).toContain(`\x1b[1m${path}  rose   100.0\x1b[0m\n`);
});

test("a JSON array is printed piece by piece, and is what JSON.stringify makes", () => {
  const results = [
    { path, predictions: [{ label: "rose\n", probability: 0.5 }] },
    { path: "b.jpg", error: "truncated" },
  ];
  for (const count of [0, 1, 2]) {
    const printed: string[] = [];
    const output = jsonOutput((part) => void printed.push(part));
    for (const result of results.slice(0, count)) output.add(result);
    output.end();
    expect(printed.join("")).toBe(`${JSON.stringify(results.slice(0, count), null, 2)}\n`);
    expect(printed).toHaveLength(count + 1);
  }
});
