import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { miniatureDomains } from "../../../lib/data/miniature/index.js";
import { mixtureDrawing } from "../../../lib/data/miniature/mixture.js";
import { wideMixtureDrawing } from "../../../lib/data/miniature/wide-mixture.js";
import { Random } from "../../../lib/data/random.js";

describe.each([
  { name: "plain", file: "mixture.ts", draw: mixtureDrawing },
  { name: "wide", file: "wide-mixture.ts", draw: wideMixtureDrawing },
])("the $name pre-training mixture", ({ file, draw }) => {
  const captions = Array.from({ length: 4000 }, (_, i) => draw(new Random(`test/${i}`)).caption);

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
    for (const each of [file, "subjects.ts"]) {
      const source = await readFile(new URL(`../../../lib/data/miniature/${each}`, import.meta.url), "utf8");
      const imported = [...source.matchAll(/from "(.+?)"/g)].map(([, from]) => from);
      expect(imported).not.toContain("./styles.js");
      expect(imported).not.toContain("./domains.js");
    }
  });
});

it.each([
  {
    name: "plain",
    draw: mixtureDrawing,
    digest: "169a56c344b72472fe4f221e0792cba90ffd160f3c79fc7e1afeec7ba9b6cf07",
  },
  {
    name: "wide",
    draw: wideMixtureDrawing,
    digest: "d3780213a23f4398402691e12b8d792ec2a7ca4004166b69379a882c9f341f91",
  },
])("the $name mixture draws what an embedded model was trained on", ({ draw, digest }) => {
  const hash = createHash("sha256");
  for (let i = 0; i < 500; i++) {
    const { caption, drawing } = draw(new Random(`0/mixture/${i}`));
    hash.update(`${caption}\n${drawing}\n`);
  }
  expect(hash.digest("hex")).toBe(digest);
});

describe("the wide mixture", () => {
  const drawn = Array.from({ length: 8000 }, (_, i) => wideMixtureDrawing(new Random(`test/${i}`)));
  const alone = drawn.filter(({ caption }) => !caption.includes(" and "));
  const named = (classes: readonly string[], phrase = "{}") =>
    alone.filter(({ caption }) =>
      classes.some((name) => new RegExp(`\\b${phrase.replace("{}", name)}\\b`).test(caption)),
    );
  const classesOf = (domain: string) =>
    miniatureDomains.find(({ name }) => name === domain)?.classes as readonly string[];
  /** Whether one of the clouds' two colours is darker than all light colours. */
  const hasDarkClouds = ({ drawing }: { drawing: string }) => {
    const values = /id="clouds".*?values="(.*?)"/.exec(drawing)?.[1]?.split(" ").map(Number);
    if (values === undefined) return false;
    // Each row is 2.2 (light − dark) of the noise, then dark − 0.6 (light − dark).
    const channels = [0, 5, 10].map((at) => {
      const spread = (values[at] as number) / 2.2;
      const low = (values[at + 4] as number) + 0.6 * spread;
      return [low, low + spread];
    });
    const brightness = [0, 1].map((end) => Math.max(...channels.map((channel) => channel[end] as number)));
    return Math.min(...brightness) < 0.81; // red, the brightest of the dark colours, has 0.78, and gray 0.84
  };

  it.each([
    ["flags", "flag of {}", (drawing: string) => /skewY|id="hand"|id="fade"/.test(drawing)],
    ["textures", "{} pattern", (drawing: string) => drawing.includes('id="lamp"')],
    [
      "vehicles",
      "{}",
      (drawing: string) => drawing.includes("sketch") && drawing.includes('height="120" fill="#2450b4"/>'),
    ],
  ] as const)("never shows %s with what is withheld from them", (domain, phrase, isWithheld) => {
    const own = named(classesOf(domain), phrase);
    expect(own.length).toBeGreaterThan(200);
    expect(own.filter(({ drawing }) => isWithheld(drawing))).toEqual([]);
    expect(alone.filter(({ drawing }) => isWithheld(drawing)).length).toBeGreaterThan(5);
  });

  it("never shows digits and signs before dark clouds", () => {
    for (const [domain, phrase] of [
      ["digits", "number {}"],
      ["signs", "{} sign"],
    ] as const) {
      const own = named(classesOf(domain), phrase);
      expect(own.filter(({ drawing }) => drawing.includes('id="clouds"')).length).toBeGreaterThan(50);
      expect(own.filter(hasDarkClouds)).toEqual([]);
    }
    expect(alone.filter(hasDarkClouds).length).toBeGreaterThan(200);
  });

  it("shows rarely what the model would know best", () => {
    const perClass = (domain: string, phrase: string) =>
      named(classesOf(domain), phrase).length / classesOf(domain).length;
    const signs = perClass("signs", "{} sign");
    expect(perClass("flags", "flag of {}") / signs).toBeCloseTo(0.3, 1);
    expect(perClass("digits", "number {}") / signs).toBeCloseTo(0.25, 1);
  });
});
