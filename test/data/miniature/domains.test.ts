import { describe, expect, it } from "vitest";
import { miniatureDomain, miniatureDomains } from "../../../lib/data/miniature/index.js";

describe("miniatureDomains", () => {
  it("has at least 6 domains of 8 to 20 classes", () => {
    expect(miniatureDomains.length).toBeGreaterThanOrEqual(6);
    for (const { classes } of miniatureDomains) {
      expect(classes.length).toBeGreaterThanOrEqual(8);
      expect(classes.length).toBeLessThanOrEqual(20);
    }
  });

  it("names every class once in the whole world", () => {
    const names = miniatureDomains.flatMap(({ classes }) => classes.map((name) => name.toLowerCase()));
    expect(new Set(names).size).toBe(names.length);
  });

  it("gives every domain a style and a template of its own with one place for the name", () => {
    expect(new Set(miniatureDomains.map(({ style }) => style)).size).toBe(miniatureDomains.length);
    expect(new Set(miniatureDomains.map(({ template }) => template)).size).toBe(miniatureDomains.length);
    for (const { template } of miniatureDomains) expect(template.split("{}")).toHaveLength(2);
  });

  it("says which domains there are when asked for another", () => {
    expect(miniatureDomain("digits").classes).toHaveLength(10);
    expect(() => miniatureDomain("planets")).toThrow('"planets". Expected one of animals, digits');
  });
});
