import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { codyra, temporaryFolder } from "./cli.js";

it("codyra pretrain makes the second model in two stages, or from the first one", async () => {
  const folder = temporaryFolder();
  const make = async (name: string, ...args: string[]) => {
    const to = join(folder, name);
    const outcome = await codyra("pretrain", "--pairs", "128", ...args, "--to", to);
    expect(outcome).toMatchObject({ code: 0, stdout: `${to}\n` });
    return readFileSync(join(to, "model.safetensors"));
  };
  const first = await make("first", "--iterations", "1", "--recipe", "miniature");
  const both = await make("both", "--iterations", "1", "--recipe", "miniature-v2");
  expect(both.equals(first)).toBe(false);
  // As earlier versions called them.
  const second = await make(
    "second",
    "--steps",
    "1",
    "--recipe",
    "miniature-v2",
    "--from",
    join(folder, "first"),
  );
  expect(second.equals(both)).toBe(true);

  const again = await codyra("pretrain", "--to", join(folder, "first"));
  expect(again.code).toBe(1);
  expect(again.stderr).toContain("holds a model already: expected a new directory.");
  expect((await codyra("pretrain", "--recipe", "v1", "--to", join(folder, "none"))).code).toBe(2);
});
