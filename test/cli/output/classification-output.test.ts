import { expect, test } from "vitest";
import { tableOutput } from "../../../lib/cli/output/classification-output.js";

const path = "photos/2024/summer/rose.jpg";

function table(options: { color?: boolean; width?: number }): string {
  let text = "";
  const output = tableOutput((part) => (text += part), {
    paths: [path],
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
