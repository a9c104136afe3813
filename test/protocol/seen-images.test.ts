import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readConfig, run } from "../../lib/experiment/index.js";
import { learnedHoldOutWarnings } from "../../lib/protocol/index.js";
import { fixture } from "../clip/fixtures.js";
import { temporaryFolder, writePicture } from "../data/images.js";

it("warns of each learned dataset whose images a hold-out has", () => {
  const learned = [
    { name: "a", images: ["1", "2"] },
    { name: "b", images: ["3", "4", "3"] },
  ];
  const holdOuts = [
    { name: "some", images: ["2", "3", "5"] },
    { name: "none", images: ["6"] },
  ];
  expect(learnedHoldOutWarnings(learned, holdOuts)).toEqual([
    expect.stringMatching(/^Hold-out some: of 3 test images, 1 are also in a, which is learned\./),
    expect.stringMatching(/^Hold-out some: of 3 test images, 1 are also in b, which is learned\./),
  ]);
});

it("has a run tell of images that it has seen, wherever their files are", async () => {
  const folder = temporaryFolder();
  const shades = { train: [10, 60], test: [60, 110] };
  for (const name of ["learned", "copied"]) {
    for (const [part, values] of Object.entries(shades)) {
      for (const [className, r] of [
        ["red", 200],
        ["blue", 0],
      ] as const) {
        for (const g of values) {
          const path = join(folder, name, part, className, `${g}.png`);
          await writePicture(path, { color: { r, g, b: 200 - r } });
        }
      }
    }
  }
  const path = join(folder, "stream.yaml");
  writeFileSync(
    path,
    `model: ${fixture("quick-gelu")}
method: zero-shot
output: run
cache: false
datasets: [{ name: learned, root: learned }]
holdOuts: [{ name: copied, root: copied }]
`,
  );
  const said: string[] = [];
  await run(readConfig(path), { observer: { warn: (line) => void said.push(line) } });
  expect(said).toEqual([
    expect.stringMatching(/^Hold-out copied: of 4 test images, 4 are also in learned, which is learned\./),
    expect.stringMatching(/^learned: of 4 test images, 2 are also among the training images, byte by byte\./),
  ]);
});
