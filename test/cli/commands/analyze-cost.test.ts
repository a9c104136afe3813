import { afterEach, describe, expect, it, vi } from "vitest";
import { analyzeCommand } from "../../../lib/cli/commands/analyze.js";

afterEach(() => vi.restoreAllMocks());

async function analyzeCost(...args: string[]): Promise<string> {
  const written = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  const command = analyzeCommand();
  for (const each of [command, ...command.commands]) {
    each.exitOverride().configureOutput({ writeErr: () => {} });
  }
  await command.parseAsync(["cost", ...args], { from: "user" });
  return written.mock.calls.map(([text]) => text).join("");
}

describe("codyra analyze cost", () => {
  it("prints counts beside the paper's, and why they differ", async () => {
    const output = await analyzeCost();
    expect(output).toMatch(
      /^Cost with vit-b-16, 1,100 classes, 10 tasks, 16 shots\nMethod +Trainable +Paper/,
    );
    expect(output).toMatch(/^zscl +149,620,736 +129\.6M +0 +none +0\.0 +3590\.9$/m);
    expect(output).toMatch(/^moe-adapter +59,080,036 +59\.8M +13,337,956 +13\.35M +570\.6 +1081\.0$/m);
    expect(output).toMatch(/^rail-primal +0 +– +24,180,000 +24\.18M +96\.7 +1962\.7$/m);
    expect(output).toMatch(/^codyra +4,425,984 +4\.4M +0 +none +0\.0 +70\.8$/m);
    expect(output).toMatch(
      /^finetune, lwf, lwf-vr, icarl, wise-ft, zscl: All parameters but the logit scale/m,
    );
    expect(output.split("\n").every((line) => line.length <= 110)).toBe(true);
  });

  it("prints nothing of the paper beside another setting", async () => {
    const output = await analyzeCost("--classes", "20", "--tasks", "2", "--shots", "4");
    expect(output).toMatch(/^Method +Trainable +Inference +Stored MB +Training MB$/m);
    expect(output).toMatch(/^rail-dual +0 +40,960 +0\.2 +0\.2$/m);
  });

  it("prints JSON", async () => {
    const { methods, ...setting } = JSON.parse(await analyzeCost("--tasks", "11", "--json"));
    expect(setting).toEqual({ model: "vit-b-16", classes: 1100, tasks: 11, shots: 16 });
    const of = (name: string) => methods.find(({ method }: { method: string }) => method === name);
    expect(of("moe-adapter")).toMatchObject({
      trainable: 59_755_876,
      printed: { trainable: 59.8e6, inference: 13.35e6 },
    });
    expect(of("rail-primal")).toMatchObject({ stored: 24_180_000, storedBytes: 96_720_000 });
    expect(of("finetune").printed).toBeNull();
  });

  it.each([[["--classes", "0"]], [["--shots", "many"]], [["--model", "vit-h-14"]], [["extra"]]])(
    "refuses the usage %j",
    async (args) => {
      await expect(analyzeCost(...args)).rejects.toMatchObject({ name: "CommanderError" });
    },
  );
});
