import { existsSync } from "node:fs";
import { join } from "node:path";
import { isAbort, lastWords } from "./child.mjs";
import { inFolder } from "./folder.mjs";
import { makeSmallDisk } from "./small-disk.mjs";
import { differences, makeStream, readRun, runStream } from "./tiny-stream.mjs";

/** A run takes about so much: of disks of any smaller size, some part of it finds no place. */
const enoughKiB = 10_000;

export const fullDisk = {
  name: "full disk",
  summary: "runs on disks that are too small, which say so, and go on where there is room",
  usual: 12,

  run: ({ random, count, counts, progress }) =>
    inFolder(counts, async (folder) => {
      const config = await makeStream(folder);
      const undisturbed = join(folder, "undisturbed");
      const result = await runStream(config, undisturbed);
      if (result.code !== 0) return counts.find("wrong", `an undisturbed run: ${lastWords(result)}`);
      const wanted = readRun(undisturbed);
      for (; counts.tried < count; progress(counts.tried)) {
        // As many below a megabyte, where small files are written, as above it.
        const kibibytes = Math.round(enoughKiB ** (0.3 + 0.7 * random.next()));
        const disk = makeSmallDisk(join(folder, `disk-${counts.tried}`), kibibytes);
        await fillAndResume({ config, disk, kibibytes, counts, wanted });
        counts.tried++;
        if (counts.findings.length === 0) disk.remove();
      }
    }),
};

async function fillAndResume({ config, disk, kibibytes, counts, wanted }) {
  const output = join(disk.folder, "run");
  const where = `a disk of ${kibibytes} KiB`;
  const full = await runStream(config, output, { command: disk.command });
  if (full.isHanging) return counts.find("hangs", where);
  if (isAbort(full)) return counts.find("aborts", `${where}: ${lastWords(full)}`);
  if (full.code !== 0) {
    counts.refused++;
    // Not a stack, and not a word of something else that failed after it.
    const message = full.stderr.trim().split("\n").at(-1) ?? "";
    if (
      !message.includes(disk.folder) ||
      !/full|too large|ENOSPC|EFBIG/.test(message) ||
      /^\s+at /m.test(full.stderr)
    )
      counts.find("wrong", `${where}: does not say that it is full: ${lastWords(full)}`);
  }
  disk.enlarge();
  const resumed = await runStream(config, output, { resume: existsSync(output), command: disk.command });
  if (resumed.code !== 0) return counts.find("wrong", `${where}: not resumed: ${lastWords(resumed)}`);
  const differing = differences(readRun(output), wanted);
  if (differing.length > 0) counts.find("wrong", `${where}: these differ: ${differing.join(", ")}`);
}
