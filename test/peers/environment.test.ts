import { describe, expect, it } from "vitest";
import { readBuildRecord } from "../../scripts/setup/index.mjs";
import { needsPeers, runPeer } from "./python.js";

describe("the Python of the peer tests", needsPeers, () => {
  it("has the torch whose libtorch the addon was built with", async () => {
    const { version, path } = readBuildRecord()!.libtorch;
    expect(await runPeer("environment.py")).toEqual({ version, path });
  });

  it("tells what a script wrote to stderr before it failed", async () => {
    await expect(runPeer("none.py")).rejects.toThrow(/none\.py ended with 2:\n.*No such file/);
  });
});
