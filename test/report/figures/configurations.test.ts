import { describe, expect, it } from "vitest";
import {
  configurations,
  location,
  mainConfiguration,
  variants,
} from "../../../lib/report/figures/configurations.js";
import { temporaryFolder } from "../../e2e/cli.js";
import { codyraOptions, figureRun } from "./runs.js";

const studies = [["rank"], ["kappaMax"]];

function found() {
  const folder = temporaryFolder();
  const run = (name: string, options: object, seed = 1, datasets = ["dtd", "mnist"]) =>
    figureRun(folder, name, { datasets, seed, options: { ...codyraOptions, ...options } });
  return configurations(
    [
      run("other", { rank: 4, kappaMax: 0 }),
      run("a", {}),
      run("b", {}, 2),
      run("again", {}, 2),
      run("rank", { rank: 4 }),
      run("kappa", { kappaMax: 0 }),
      run("reversed", {}, 1, ["mnist", "dtd"]),
    ],
    "codyra",
  );
}

describe("configurations", () => {
  it("differ in more than the seed, and hold each seed once", () => {
    expect(found().map(({ runs }) => runs.map(({ info }) => info.name))).toEqual([
      ["other"],
      ["a", "b"],
      ["rank"],
      ["kappa"],
      ["reversed"],
    ]);
  });

  it("are varied from the one with the most neighbours, of these the one with most seeds", () => {
    const all = found();
    const main = mainConfiguration(all, studies)!;
    expect(main.runs[0].info.name).toBe("a");
    expect(variants(main, all, ["rank"]).map(({ runs }) => runs[0].info.name)).toEqual(["a", "rank"]);
    expect(mainConfiguration([], studies)).toBeUndefined();
  });

  it.each([
    ["both", ["q", "k", "v", "o", "fc", "proj"], "vision + text, attention + MLP"],
    ["vision", ["q", "k", "v", "o"], "vision, attention"],
    ["text", ["proj", "fc"], "text, MLP"],
    ["both", ["q", "v"], "vision + text, q v"],
    ["both", ["q", "k", "v", "o", "fc"], "vision + text, q k v o fc"],
  ])("say where the adapters of %s %j are", (encoders, targets, words) => {
    expect(location({ ...found()[0]!, options: { encoders, targets } })).toBe(words);
  });
});
