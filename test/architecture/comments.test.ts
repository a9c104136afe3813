import { expect, it } from "vitest";
import { readSources } from "./sources.js";

const widest = 110;

it(`comments are at most ${widest} characters wide`, () => {
  const sources = readSources();
  expect(sources.length).toBeGreaterThan(500);
  const wide = sources.flatMap(({ path, text }) =>
    text
      .split("\n")
      .flatMap((line, i) =>
        line.length > widest && /^\s*(\/\/|\* |\/\*|# )/.test(line) ? [`${path}:${i + 1}`] : [],
      ),
  );
  expect(wide).toEqual([]);
});
