import { join } from "node:path";
import { expect, it } from "vitest";
import { createMethod } from "../../lib/methods/index.js";
import { codyra, temporaryFolder, writeConfig } from "./cli.js";

it("codyra run takes the methods that its help lists", async () => {
  const { stdout } = await codyra("run", "--help");
  const listed = stdout.slice(stdout.indexOf("\nMethods:\n"));
  const names = Array.from(listed.matchAll(/^ {2}(\S+) +\S/gm), ([, name]) => name as string);
  expect(names).toEqual(expect.arrayContaining(["zero-shot", "zscl", "codyra", "codyra+rail-dual"]));
  for (const name of names) expect(createMethod(name, {}, "mtil").name).toBe(name);

  const folder = temporaryFolder();
  const config = writeConfig(folder, { datasets: [{ name: "nowhere", root: join(folder, "nowhere") }] });
  const run = (name: string) => codyra("run", "--config", config, "--method", name);
  // A method is made before data is read: what is missing is the data.
  for (const name of ["icarl", "codyra+rail-primal"]) {
    expect(await run(name)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(join(folder, "nowhere")),
    });
  }
  expect(await run("adam")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(`Unknown method 'adam': expected one of ${names.join(", ")}.`),
  });
});
