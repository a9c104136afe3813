// A shop with new categories every month: a run learns flowers, then takes signs, then digits. What was
// learned is not trained again.
//
//   node examples/month-by-month.mjs

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { experiment, records } from "codyra";
import { drawFolder } from "./drawn-photos.mjs";

const folder = mkdtempSync(join(tmpdir(), "codyra-example-"));
try {
  for (const name of ["flowers", "signs", "digits"]) await drawFolder(join(folder, name), name, { shots: 8 });
  writeFileSync(
    join(folder, "shop.yaml"),
    `
name: shop
output: run
protocol: mtil
method: codyra
shots: 8
options: { iterations: 40, batchSize: 16, learningRate: 0.002, rank: 4 }
datasets:
  - { name: flowers, root: flowers, template: "a photo of a {}, a type of flower." }
`,
  );

  console.log("January: flowers");
  const config = experiment.readConfig(join(folder, "shop.yaml"));
  const { directory } = await experiment.run(config);

  console.log("February: signs");
  const signs = { name: "signs", root: join(folder, "signs"), template: "a photo of a {} sign." };
  await experiment.learn(directory, signs);

  console.log("March: digits");
  const digits = { name: "digits", root: join(folder, "digits"), template: "a photo of the number {}." };
  const { accuracy } = await experiment.learn(directory, digits);

  console.log(`\nafter learning  ${accuracy.datasets.join("  ")}`);
  accuracy.matrix.forEach((row, t) => {
    const cells = row.map((cell, j) => percent(cell).padStart(accuracy.datasets[j].length));
    console.log(`${accuracy.datasets[t].padEnd(14)}  ${cells.join("  ")}`);
  });
  const { last, forgetting } = records.computeMetrics(accuracy);
  console.log(`Last ${percent(last.overall)}, Forgetting ${percent(forgetting.overall)}, in percent`);
} finally {
  rmSync(folder, { recursive: true });
}

function percent(fraction) {
  return fraction == null ? "–" : (100 * fraction).toFixed(1);
}
