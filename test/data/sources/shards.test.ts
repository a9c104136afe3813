import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Parts } from "../../../lib/data/index.js";
import { findShards, type Patterns, type Shard, tarShards } from "../../../lib/data/sources/shards.js";
import { temporaryFolder } from "../images.js";
import { touchIn } from "../touch.js";

const folder = temporaryFolder();

const touch = touchIn(folder);

const within = (patterns: Patterns) => [patterns].flat().map((pattern) => join(folder, pattern));
const names = (shards: readonly Shard[] = []) => shards.map(({ name }) => name);

async function find(source: Patterns | Parts<Patterns>) {
  const wanted =
    typeof source === "object" && "train" in source
      ? { train: within(source.train), test: within(source.test) }
      : within(source);
  const found = await findShards("pets", wanted, tarShards);
  if (!("train" in found)) return names(found);
  return { train: names(found.train), validation: names(found.validation), test: names(found.test) };
}

describe("findShards", () => {
  it("tells parts by the names of files, and else of folders", async () => {
    await touch("hub/train-1.tar", "hub/train-0.tar", "hub/val-0.tar", "hub/test-0.tar", "hub/readme.md");
    await touch("nested/default/train/0.tar", "nested/default/test/0.tar", "nested/default/.cache/x.tar");
    expect(await find("hub")).toEqual({
      train: ["train-0.tar", "train-1.tar"],
      validation: ["val-0.tar"],
      test: ["test-0.tar"],
    });
    expect(await find("nested")).toEqual({ train: ["train/0.tar"], validation: [], test: ["test/0.tar"] });
  });

  it("takes files that name no part, or only train, as one part", async () => {
    await touch("plain/b.tar", "plain/a.tar", "plain/training.tar");
    expect(await find("plain")).toEqual(["a.tar", "b.tar", "training.tar"]);
    expect(await find("hub/train-*.tar")).toEqual(["train-0.tar", "train-1.tar"]);
  });

  it("takes patterns, ranges and lists for each part", async () => {
    await touch("range/s-08.tar", "range/s-09.tar", "range/s-10.tar", "range/s-11.tar");
    expect(await find({ train: "range/s-{08..10}.tar", test: ["range/s-11.tar"] })).toEqual({
      train: ["s-08.tar", "s-09.tar", "s-10.tar"],
      validation: [],
      test: ["s-11.tar"],
    });
    expect(await find("range/s-{08,11}.tar")).toEqual(["s-08.tar", "s-11.tar"]);
  });

  it("finds files in folders whose names look like patterns", async () => {
    await touch("odd {1..2} (a)/[0].tar");
    expect(await find("odd {1..2} (a)/[0].tar")).toEqual(["[0].tar"]);
    expect(await find("odd {1..2} (a)")).toEqual(["[0].tar"]);
  });

  it("explains what is wrong", async () => {
    await touch(
      "mixed/train-0.tar",
      "mixed/test-0.tar",
      "mixed/more.tar",
      "half/test-0.tar",
      "half/val-0.tar",
    );
    await expect(find("absent-*.tar")).rejects.toThrow(
      /pets: expected files \(\.tar\) at .*absent-\*\.tar, got none/,
    );
    await expect(find("range/s-{09..12}.tar")).rejects.toThrow(/s-12\.tar, got none/);
    await expect(find("s-{3..1}.tar")).rejects.toThrow(/range of 1 to 100000 files, got \{3\.\.1\}/);
    await expect(find("s-{0..999999999}.tar")).rejects.toThrow(/range of 1 to 100000 files/);
    await expect(find("mixed")).rejects.toThrow(/got 3 files: 1 for train, 0 for validation, 1 for test/);
    await expect(find("half")).rejects.toThrow(/got 2 files: 0 for train, 1 for validation, 1 for test/);
    await expect(find({ train: "hub/*.tar", test: "hub/test-0.tar" })).rejects.toThrow(
      /in one part, got one in two/,
    );
  });
});
