import { cpSync } from "node:fs";
import { expect, it } from "vitest";
import { runRanks } from "../torch/distributed/ranks.js";
import { readFiles, readJson, temporaryFolder } from "./tiny-run.js";

const script = "../../../protocol/parallel-growth.mjs";
const newImages = 8; // for each of the models before the stream, after the first task and after the second

it.each([
  [1, 3],
  [3, 2],
  [2, 1],
])(
  "what %i processes encoded, %i do not encode again when a stream grows",
  {
    timeout: 120_000,
  },
  async (before, after) => {
    const [grown, wanted] = [temporaryFolder(), temporaryFolder()];
    await runRanks<number>(script, before, [grown, "2"]);
    cpSync(grown, wanted, { recursive: true });
    const encoded = await runRanks<number>(script, after, [grown, "3"]);
    expect(encoded.reduce((sum, each) => sum + each, 0)).toBe(3 * newImages);
    await runRanks<number>(script, 1, [wanted, "3"]);
    expect(readJson(grown, "matrix.json")).toEqual(readJson(wanted, "matrix.json"));
    expect(readFiles(grown).map(([path]) => path)).toEqual(readFiles(wanted).map(([path]) => path));
  },
);
