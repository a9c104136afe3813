import { existsSync } from "node:fs";
import { join } from "node:path";

/** @throws unless a checkout is built */
export function checkBuild(directory) {
  if (existsSync(join(directory, "dist/cli/main.js"))) return;
  throw new Error(
    `--against: expected a checkout with a build, got ${directory} without dist/cli/main.js. Run \`npm run setup\` there.`,
  );
}
