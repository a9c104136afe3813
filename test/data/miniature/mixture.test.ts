import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { miniatureDomains } from "../../../lib/data/miniature/index.js";
import { mixtureDrawing } from "../../../lib/data/miniature/mixture.js";
import { Random } from "../../../lib/data/random.js";

const captions = Array.from({ length: 4000 }, (_, i) => mixtureDrawing(new Random(`test/${i}`)).caption);

describe("the pre-training mixture", () => {
  it("speaks of every class of every domain", () => {
    const text = `\n${captions.join("\n")}\n`;
    const unsaid = miniatureDomains.flatMap(({ classes }) =>
      classes.filter((name) => !new RegExp(`[^a-z]${name}[^a-z]`, "i").test(text)),
    );
    expect(unsaid).toEqual([]);
  });

  it("varies its captions", () => {
    expect(new Set(captions).size).toBeGreaterThan(2000);
  });

  it("does not use the domains' styles", async () => {
    const source = await readFile(new URL("../../../lib/data/miniature/mixture.ts", import.meta.url), "utf8");
    const imported = [...source.matchAll(/from "(.+?)"/g)].map(([, file]) => file);
    expect(imported).toContain("./concepts/index.js");
    expect(imported).not.toContain("./styles.js");
    expect(imported).not.toContain("./domains.js");
  });
});
