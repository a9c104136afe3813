import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Sandbox } from "./sandbox.js";

let sandbox: Sandbox;
let python: string;
beforeEach(() => {
  sandbox = new Sandbox();
  python = fakePython();
  sandbox.write("checkout/test/peers/requirements.txt", "peft==1.0\n");
  sandbox.write("checkout/test/peers/torchvision_without_cuda.py", "");
  record({ python });
});
afterEach(() => sandbox[Symbol.dispose]());

/** An interpreter that logs its pip runs. `pip` and `imports` are what these do, given `fail()`. */
function fakePython({ pip = "", imports = "" } = {}): string {
  return sandbox.program(
    "python3",
    `const fs = require("fs"), path = require("path");
    const environment = path.dirname(path.dirname(process.argv[1]));
    const fail = (text) => { console.error(text); process.exit(1); };
    if (args[1] === "venv") {
      fs.mkdirSync(path.join(args[2], "bin"), { recursive: true });
      fs.mkdirSync(path.join(args[2], "site"));
      fs.copyFileSync(process.argv[1], path.join(args[2], "bin/python"));
    } else if (args[1] === "pip") {
      fs.appendFileSync("${join(sandbox.folder, "pip.log")}", args.join(" ") + "\\n");
      ${pip}
    } else if (args[1].startsWith("import sysconfig")) console.log(path.join(environment, "site"));
    else { const imported = args[1]; ${imports} }`,
  );
}

/** Writes the record of a build. */
function record({ python }: { python: string | null }): void {
  const extension = process.platform === "darwin" ? "dylib" : "so";
  for (const file of ["codyra.node", `libcodyra_ops.${extension}`])
    sandbox.write(`checkout/build/Release/${file}`, "");
  const libtorch = { version: "2.13.0+cpu", path: "/torch-site/torch", source: "LIBTORCH" };
  sandbox.write("checkout/build/codyra-build.json", JSON.stringify({ libtorch, python }));
}

/** Prints the interpreter that was found in the end, after the lines of the set-up. */
async function setUpPeers(
  call = "preparePeers(report)",
  environment: Record<string, string> = {},
): Promise<string> {
  const script = `import { findPeerPython, preparePeers, tryPeers } from "./scripts/setup/peers.mjs";
    import { createReport } from "./scripts/setup/report.mjs";
    const report = createReport();
    await ${call}.catch((error) => console.log(error.message));
    console.log("found", findPeerPython());`;
  const { output } = await sandbox.run(environment, ["--input-type=module", "--eval", script]);
  return output;
}

const pipRuns = () => readFileSync(join(sandbox.folder, "pip.log"), "utf8").trimEnd().split("\n");
const environments = () => readdirSync(join(sandbox.cache, "codyra")).filter((name) => /^peers/.test(name));

test("the packages are installed once, beside the torch of libtorch", async () => {
  expect(await setUpPeers()).toMatch(/installed in [\d.]+ s\nfound .*peers-\w{12}\/bin\/python\n$/);
  const environment = join(sandbox.cache, "codyra", environments()[0]!);
  expect(readFileSync(join(environment, "site/libtorch.pth"), "utf8")).toBe("/torch-site\n");
  expect(readFileSync(join(environment, "constraints.txt"), "utf8")).toBe("torch==2.13.0+cpu\n");
  expect(existsSync(join(environment, "site/torchvision_without_cuda.pth"))).toBe(false);
  await setUpPeers();
  expect(pipRuns()).toHaveLength(1);
});

test("other versions are another environment", async () => {
  await setUpPeers();
  sandbox.write("checkout/test/peers/requirements.txt", "peft==1.1\n");
  await setUpPeers();
  expect(environments()).toHaveLength(2);
});

test("an interrupted installation is made anew", async () => {
  fakePython({ pip: "fail('interrupted')" });
  expect(await setUpPeers()).toContain("found undefined");
  fakePython();
  expect(await setUpPeers()).toMatch(/found .*python\n$/);
});

test("a torchvision whose operators do not load is helped along", async () => {
  fakePython({
    imports:
      "if (imported === 'import torchvision' && !fs.existsSync(environment + '/site/torchvision_without_cuda.pth')) fail('operator torchvision::nms does not exist');",
  });
  expect(await setUpPeers()).toMatch(/found .*python\n$/);
});

test("packages that cannot be imported are an error", async () => {
  fakePython({ imports: "fail('ModuleNotFoundError: peft')" });
  expect(await setUpPeers()).toMatch(/installed but cannot be imported.*found undefined/s);
});

test("without a connection the tests go on, and one line says that the peers are skipped", async () => {
  fakePython({ pip: "fail('NewConnectionError: Failed to establish a new connection');" });
  const output = await setUpPeers("tryPeers(report)");
  expect(output.match(/^.*skipped.*$/gm)).toEqual([
    "  peer tests are skipped: pip could not reach a package index. `npm run test:peers` tells more.",
  ]);
});

test("a pip that takes too long is ended, with what it has started", async () => {
  // The set-up waits until nobody holds its output any more.
  fakePython({
    pip: `require("child_process").spawn("sleep", ["3600"], { stdio: "inherit", env: { PATH: "${process.env.PATH}" } });
      setInterval(() => {}, 1000);`,
  });
  expect(await setUpPeers("preparePeers(report, AbortSignal.timeout(1500))")).toMatch(
    /pip took longer than 5 minutes\..*found undefined/s,
  );
});

test("a libtorch without a Python has no peers", async () => {
  record({ python: null });
  expect(await setUpPeers()).toMatch(/The libtorch at \/torch-site\/torch belongs to no Python/);
});

test("CODYRA_PEERS=off leaves them out even where they are installed", async () => {
  await setUpPeers();
  expect(await setUpPeers("preparePeers(report)", { CODYRA_PEERS: "off" })).toMatch(
    / off\nfound undefined\n$/,
  );
});
