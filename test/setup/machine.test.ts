import { describe, expect, test } from "vitest";
import { checkMachine } from "../../scripts/setup/machine.mjs";

describe("checkMachine", () => {
  test.each([
    ["20.17.0", "linux", "x64"],
    ["22.1.0", "linux", "arm64"],
    ["24.0.0", "darwin", "arm64"],
  ])("accepts node %s on %s %s", (version, platform, arch) => {
    expect(checkMachine({ version, platform, arch })).toBe(`node ${version}, ${platform} ${arch}`);
  });

  test.each(["18.20.0", "20.16.0"])("refuses node %s", (version) => {
    expect(() => checkMachine({ version, platform: "linux", arch: "x64" })).toThrow(
      `Node.js ${version} is too old. Expected Node.js 20.17 or newer. Install`,
    );
  });

  test.each([
    ["linux", "ia32"],
    ["darwin", "x64"],
    ["win32", "x64"],
  ])("refuses %s %s", (platform, arch) => {
    expect(() => checkMachine({ version: "22.0.0", platform, arch })).toThrow(
      `There is no libtorch for ${platform} ${arch}. Expected one of linux x64, linux arm64, darwin arm64.`,
    );
  });
});
