import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { packageRoot } from "../../lib/torch/index.js";

const widest = 110;
const sources = ["lib", "native", "test", "bench", "scripts", "configs", "examples"];
const isSource = (path: string) => /\.(ts|mjs|cc|h|cu|py|yaml)$/.test(path) && !path.includes("generated");

it(`comments are at most ${widest} characters wide`, () => {
  // A file not yet staged counts too: its author learns of a wide line before the commit.
  const listing = ["ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate", ...sources];
  const listed = execFileSync("git", listing, { cwd: packageRoot, encoding: "utf8" });
  const paths = listed.split("\n").filter((path) => isSource(path) && existsSync(join(packageRoot, path)));
  expect(paths.length).toBeGreaterThan(500);
  const wide = paths.flatMap((path) =>
    readFileSync(join(packageRoot, path), "utf8")
      .split("\n")
      .flatMap((line, i) =>
        line.length > widest && /^\s*(\/\/|\* |\/\*|# )/.test(line) ? [`${path}:${i + 1}`] : [],
      ),
  );
  expect(wide).toEqual([]);
});
