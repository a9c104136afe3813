import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Random } from "../../lib/data/random.js";
import { extractArchive, unpack } from "../../lib/download/index.js";
import { type TestEntry, tarFile, tarGzFile, zipFile } from "./archives.js";
import { someBytes, temporaryFolder } from "./server.js";

const image = someBytes(100_000);
const good: readonly TestEntry[] = [
  { name: "./flowers/", mode: 0o555 },
  { name: "./flowers/rose/1.jpg", content: image },
  { name: "./flowers/tulip/1.jpg", content: "a tulip", mode: 0o400 },
  { name: "./lists/train.txt", content: "rose/1.jpg" },
];
const zipGood = good.map((entry) => ({ ...entry, name: entry.name.slice(2) }));

const formats: readonly [string, (entries: readonly TestEntry[]) => Buffer, readonly TestEntry[]][] = [
  ["tar", tarFile, good],
  ["tar.gz", tarGzFile, good],
  ["zip", zipFile, zipGood],
  ["stored zip", (entries) => zipFile(entries, 0), zipGood],
];

/** Writes an archive under a name that says nothing about its kind. */
function write(content: Buffer): { archive: string; folder: string } {
  const folder = temporaryFolder();
  const archive = join(folder, "archive");
  writeFileSync(archive, content);
  return { archive, folder };
}

function tree(folder: string): string[] {
  return readdirSync(folder, { recursive: true }).map(String).sort();
}

describe.each(formats)("%s", (_, make, entries) => {
  const everything = [
    "flowers",
    "flowers/rose",
    "flowers/rose/1.jpg",
    "flowers/tulip",
    "flowers/tulip/1.jpg",
    "lists",
    "lists/train.txt",
  ];

  it("is extracted", async () => {
    const { archive, folder } = write(make(entries));
    const seen: [number, number][] = [];
    await extractArchive(archive, join(folder, "out"), { onProgress: (...args) => seen.push(args) });
    expect(tree(join(folder, "out"))).toEqual(everything);
    expect(readFileSync(join(folder, "out/flowers/rose/1.jpg")).equals(image)).toBe(true);
    expect(statSync(join(folder, "out/flowers/tulip/1.jpg")).mode & 0o600).toBe(0o600);
    expect(seen.at(-1)?.[0]).toBeGreaterThan(0);
    expect(seen.at(-1)?.[0]).toBeLessThanOrEqual(statSync(archive).size);
  });

  it("is extracted in part", async () => {
    const { archive, folder } = write(make(entries));
    await extractArchive(archive, join(folder, "out"), { wants: (path) => path.startsWith("lists/") });
    expect(tree(join(folder, "out"))).toEqual(["lists", "lists/train.txt"]);
  });

  it.each(["../evil", "a/../../evil", "/tmp/codyra-evil", "a\\..\\..\\evil", "C:\\evil"])(
    "with the path %s is refused",
    async (name) => {
      const { archive, folder } = write(make([...entries, { name, content: "evil" }]));
      await expect(extractArchive(archive, join(folder, "out/in"))).rejects.toThrow(
        /expected files and folders inside .+ is no path inside of it\./,
      );
      expect(readdirSync(folder).sort()).toEqual(["archive", "out"]);
      expect(readdirSync(join(folder, "out"))).toEqual(["in"]);
      expect(existsSync("/tmp/codyra-evil")).toBe(false);
    },
  );

  it("with a link is refused", async () => {
    const link: TestEntry = { name: "flowers/link", content: "/etc/passwd", link: "SymbolicLink" };
    const { archive, folder } = write(make([...entries, link]));
    await expect(extractArchive(archive, join(folder, "out"))).rejects.toThrow(/'flowers\/link' is a/);
    expect(existsSync(join(folder, "out/flowers/link"))).toBe(false);
  });

  it("that is cut off or damaged is refused", async () => {
    const whole = make(entries);
    const damaged = Buffer.from(whole);
    if (make === tarFile)
      damaged.fill(0x55, 148, 156); // tar has checksums of headers only: this is one
    else damaged.fill(0x55, 50_000, 50_200);
    for (const content of [whole.subarray(0, whole.length - 60_000), damaged]) {
      const { archive, folder } = write(content);
      await expect(extractArchive(archive, join(folder, "out"))).rejects.toThrow(
        /expected a whole archive, but it is damaged \(.+\)\. Download it again\./,
      );
    }
  });

  it("that was tampered with is refused or extracted, but writes nowhere else", async () => {
    const whole = make(entries);
    const random = new Random("tampered archives");
    const { archive, folder } = write(whole);
    for (let i = 0; i < 50; i++) {
      const bytes = Buffer.from(whole);
      for (let change = 0; change < 3; change++) {
        const place = random.integer(change === 0 ? bytes.length : 600); // most headers are at the beginning
        bytes[place] = random.integer(256);
      }
      writeFileSync(archive, bytes);
      await extractArchive(archive, join(folder, "out/in")).catch((error: Error) => {
        expect(error.message).toMatch(/: expected .+\. (Download it again|Nothing of it is kept; .+)\.$/);
      });
      expect(tree(folder).filter((path) => !path.startsWith("out/in"))).toEqual(["archive", "out"]);
    }
  });

  it("can be aborted", async () => {
    const { archive, folder } = write(make(entries));
    const signal = AbortSignal.abort();
    await expect(extractArchive(archive, join(folder, "out"), { signal })).rejects.toMatchObject({
      name: "AbortError",
    });
  });
});

it("a hard link in a tar file is refused", async () => {
  const { archive, folder } = write(tarFile([{ name: "passwords", link: "Link" }]));
  await expect(extractArchive(archive, join(folder, "out"))).rejects.toThrow(/'passwords' is a Link/);
});

it.each([
  ["text", "no archive"],
  ["an empty file", ""],
])("%s is no archive", async (_, content) => {
  const { archive, folder } = write(Buffer.from(content));
  await expect(extractArchive(archive, join(folder, "out"))).rejects.toThrow(
    /expected a tar, tar\.gz or zip file, got something else\./,
  );
});

describe.each(formats.filter(([name]) => name === "tar.gz" || name === "zip"))("a %s of zeros", (_, make) => {
  it("that would become far larger than it is ends the extraction", async () => {
    const zeros = Buffer.alloc(100 * 2 ** 20);
    const { archive, folder } = write(make([{ name: "zeros", content: zeros }]));
    expect(statSync(archive).size).toBeLessThan(2 ** 18);
    const message = /expected at most \d+ bytes, a hundred times its size, but more comes out of it\./;
    await expect(extractArchive(archive, join(folder, "out"))).rejects.toThrow(message);
    // Also in parts: each archive inside is small enough by itself, all of them together are not.
    const parts = [0, 1].map((i) => ({
      name: `${i}.zip`,
      content: zipFile([{ name: "zeros", content: zeros.subarray(0, 60 * 2 ** 20) }]),
    }));
    const outer = write(make(parts));
    const unpacked = unpack(outer.archive, outer.folder, { ".": "all" }, { nested: true });
    await expect(unpacked).rejects.toThrow(message);
    expect(readdirSync(outer.folder)).toEqual(["archive"]);
  });
});

describe("unpack", () => {
  it("moves parts to their places and does not touch those that are there", async () => {
    const { archive, folder } = write(tarGzFile(good));
    const root = join(folder, "root");
    mkdirSync(join(root, "data"), { recursive: true });
    writeFileSync(join(root, "data/train.txt"), "mine");
    const contents = { "flowers/rose": "data/images/rose", "lists/train.txt": "data/train.txt" };
    await unpack(archive, root, contents);
    expect(tree(root)).toEqual([
      "data",
      "data/images",
      "data/images/rose",
      "data/images/rose/1.jpg",
      "data/train.txt",
    ]);
    expect(readFileSync(join(root, "data/train.txt"), "utf8")).toBe("mine");
    writeFileSync(archive, "gone");
    await unpack(archive, root, contents); // all is there
  });

  it("begins anew after a killed process, whose lock and temporary folder are still there", async () => {
    const { archive, folder } = write(tarFile(good));
    mkdirSync(join(folder, ".archive.part/flowers"), { recursive: true });
    writeFileSync(join(folder, ".archive.part/flowers/half.jpg"), "half");
    await unpack(archive, folder, { flowers: "flowers" });
    expect(readdirSync(folder).sort()).toEqual(["archive", "flowers"]);
    expect(readdirSync(join(folder, "flowers")).sort()).toEqual(["rose", "tulip"]);
  });

  it("makes folders of archives inside the archive", async () => {
    const inner = tarFile([{ name: "rose/1.jpg", content: image }]);
    const outer = tarFile([
      { name: "set/flowers.tar.gz", content: tarGzFile([{ name: "all/rose/1.jpg", content: image }]) },
      { name: "set/other.tar", content: inner },
    ]);
    const { archive, folder } = write(outer);
    await unpack(archive, folder, { "set/flowers/all": "flowers" }, { nested: true });
    expect(tree(join(folder, "flowers"))).toEqual(["rose", "rose/1.jpg"]);
    await unpack(archive, folder, { ".": "everything" }, { nested: true });
    expect(readdirSync(join(folder, "everything/set")).sort()).toEqual(["flowers", "other"]);
    expect(readFileSync(join(folder, "everything/set/other/rose/1.jpg")).equals(image)).toBe(true);
  });

  it("leaves nothing behind when the archive is unsafe, damaged, or another one", async () => {
    const unsafe = tarFile([...good, { name: "../evil", content: "evil" }]);
    for (const [content, message] of [
      [unsafe, /is no path inside of it/],
      [tarGzFile(good).subarray(0, 5000), /it is damaged/],
      [tarFile(good), /expected it to hold images, but it does not\. Check that it is the right archive/],
    ] as const) {
      const { archive, folder } = write(content);
      await expect(unpack(archive, folder, { images: "data" })).rejects.toThrow(message);
      expect(readdirSync(folder)).toEqual(["archive"]);
    }
  });
});
