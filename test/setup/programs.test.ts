import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { needs } from "../needs.js";
import { Sandbox } from "./sandbox.js";

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = new Sandbox();
});
afterEach(() => sandbox[Symbol.dispose]());

const log = () => join(sandbox.folder, "apt.log");
const runs = () => (existsSync(log()) ? readFileSync(log(), "utf8").trimEnd().split("\n") : []);

/** An apt-get that logs what it is asked for. `script` is what it does then, given `fail()`. */
function fakeApt(script = ""): void {
  const path = JSON.stringify(log());
  sandbox.program(
    "apt-get",
    `const fs = require("fs");
    const before = fs.existsSync(${path}) ? fs.readFileSync(${path}, "utf8") : "";
    const [command] = args, name = args.at(-1);
    fs.appendFileSync(${path}, [command, args.find((arg) => /download/.test(arg)), name].filter(Boolean).join(" ") + "\\n");
    const fail = (text) => { console.error(text); process.exit(100); };
    ${script}`,
  );
}

function fakeLatex(): void {
  for (const program of ["pdflatex", "kpsewhich"]) sandbox.program(program, "");
}

async function setUp(environment: Record<string, string> = { CODYRA_APT: "" }): Promise<string> {
  const script = `import { tryPrograms } from "./scripts/setup/programs.mjs";
    import { createReport } from "./scripts/setup/report.mjs";
    await tryPrograms(createReport());`;
  const { output } = await sandbox.run(environment, ["--input-type=module", "--eval", script]);
  return output;
}

const isRootsDebian =
  process.getuid?.() === 0 &&
  existsSync("/etc/os-release") &&
  /^ID=debian$/m.test(readFileSync("/etc/os-release", "utf8"));
const needsDebian = needs(isRootsDebian, "not root on Debian", "run in a container of Debian");

test("what is missing is downloaded, then unpacked", needsDebian, async () => {
  fakeApt();
  fakeLatex();
  expect(await setUp()).toMatch(/Chromium of the page's tests +installed in .* s\n +LaTeX .* ok\n$/);
  expect(runs()).toEqual(["install --download-only chromium", "install --no-download chromium"]);
});

test("lists of packages that are old are read anew", needsDebian, async () => {
  fakeApt(
    'if (name === "chromium" && !before.includes("update")) fail("E: Unable to locate package chromium");',
  );
  fakeLatex();
  expect(await setUp()).toMatch(/Chromium of the page's tests +installed in/);
  expect(runs().map((run) => run.split(" ")[0])).toEqual(["install", "update", "install", "install"]);
});

test("without a connection one line says so, and the set-up goes on", needsDebian, async () => {
  fakeApt('fail("E: Failed to fetch http://mirror/a.deb");');
  const lines = (await setUp()).split("\n").filter((line) => line.includes("left out"));
  const problem = (name: string) =>
    `left out. apt-get could not install ${name}: Failed to fetch http://mirror/a.deb. CODYRA_APT=off stops trying.`;
  expect(lines).toEqual([
    `  Chromium of the page's tests: ${problem("chromium")}`,
    `  LaTeX of the tables' tests: ${problem("texlive-latex-recommended")}`,
  ]);
});

test("what is there is not installed again", async () => {
  fakeApt();
  sandbox.program("chromium", "");
  fakeLatex();
  expect(await setUp()).toMatch(/Chromium .* ok\n.*LaTeX .* ok\n$/);
  expect(runs()).toEqual([]);
});

test("CODYRA_APT=off installs nothing", async () => {
  fakeApt();
  expect(await setUp({ CODYRA_APT: "off" })).toMatch(/Chromium .* off\n.*LaTeX .* off\n$/);
  expect(runs()).toEqual([]);
});
