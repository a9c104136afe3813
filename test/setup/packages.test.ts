import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Sandbox } from "./sandbox.js";

let sandbox: Sandbox;
let arePackagesInstalled: () => boolean;

beforeEach(async () => {
  sandbox = new Sandbox();
  ({ arePackagesInstalled } = await import(join(sandbox.checkout, "scripts/setup/packages.mjs")));
});
afterEach(() => sandbox[Symbol.dispose]());

const want = (packages: object) => sandbox.write("checkout/package-lock.json", JSON.stringify({ packages }));
const have = (packages: object) =>
  sandbox.write("checkout/node_modules/.package-lock.json", JSON.stringify({ packages }));

test("the versions of the lock file are wanted, optional ones only where they are installed", () => {
  want({
    "": { version: "0.1.0" },
    "node_modules/a": { version: "1.0.0" },
    "node_modules/a-darwin": { version: "1.0.0", optional: true },
  });
  expect(arePackagesInstalled()).toBe(false);
  have({ "node_modules/a": { version: "1.0.0" } });
  expect(arePackagesInstalled(), "listed, but its folder is gone").toBe(false);
  sandbox.write("checkout/node_modules/a/package.json", "{}");
  expect(arePackagesInstalled()).toBe(true);
  have({ "node_modules/a": { version: "0.9.0" } });
  expect(arePackagesInstalled()).toBe(false);
  have({ "node_modules/a": { version: "1.0.0" }, "node_modules/a-darwin": { version: "0.9.0" } });
  expect(arePackagesInstalled()).toBe(false);
});

test("without a registry npm start says so", async () => {
  sandbox.program("npm", "console.error('npm error code ENOTFOUND'); process.exit(1)");
  const { code, output } = await sandbox.run({}, ["scripts/start.mjs"]);
  expect(code).toBe(1);
  expect(output).toContain("codyra set-up stopped. npm could not reach its registry.");
  expect(output).toMatch(/To fix +Connect/);
});
