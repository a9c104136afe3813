import { describe, expect, it } from "vitest";
import { withAssignment } from "../../lib/options/index.js";

const read = (text: string) => withAssignment({}, `key=${text}`).key;

describe("a value after -o", () => {
  it.each<[string, unknown]>([
    ["8", 8],
    ["5e-4", 5e-4],
    ["-1.5", -1.5],
    ["true", true],
    ["null", null],
    ["~", null],
    ["", null],
    ["[1,1]", [1, 1]],
    ["[ 0.8, 1 ]", [0.8, 1]],
    ["[]", []],
    ["[q]", ["q"]],
    ["0.8,1", [0.8, 1]],
    ["q,v", ["q", "v"]],
    ['"8"', "8"],
    ["'true'", "true"],
    ['"q,v"', "q,v"],
    ["{aircraft: 5.0e-5}", { aircraft: 5e-5 }],
    ["a photo of a {}.", "a photo of a {}."],
    ["['a photo of a {}.']", ["a photo of a {}."]],
    ["/data/alexnet.safetensors", "/data/alexnet.safetensors"],
    ["reference-code", "reference-code"],
  ])("%s is read as in YAML", (text, expected) => {
    expect(read(text)).toEqual(expected);
  });

  it("may hold an equals sign, and its key names a member of a group by a dot", () => {
    const group = withAssignment({ ddas: { code: 4 } }, "ddas.features=a=b");
    expect(withAssignment(group, "ddas.unit=image")).toEqual({
      ddas: { code: 4, features: "a=b", unit: "image" },
    });
    expect(withAssignment({ ddas: null }, "ddas.unit=image")).toEqual({ ddas: { unit: "image" } });
  });

  it.each(["[1, 2", "'open", "*.jpg", "@home", "{a: 1"])("%s is refused, being no YAML", (text) => {
    expect(() => read(text)).toThrow(/^Expected a value that YAML reads, .*, got .*Put quotes around text/s);
  });

  it.each(["rank", "=4", ""])("%j is no assignment", (text) => {
    expect(() => withAssignment({}, text)).toThrow("Expected key=value, such as iterations=100.");
  });
});
