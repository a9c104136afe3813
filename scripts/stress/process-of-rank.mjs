import { readdirSync, readFileSync } from "node:fs";

/**
 * The process of a rank that has a word, such as its output folder, in its command line. Linux alone tells.
 * @returns {number | undefined} its id; undefined where it has not begun, or has ended
 */
export function processOfRank(rank, word) {
  const found = readdirSync("/proc").find((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const words = (file) => readFileSync(`/proc/${pid}/${file}`, "utf8").split("\0");
      return words("cmdline").includes(word) && words("environ").includes(`RANK=${rank}`);
    } catch {
      return false; // it ended meanwhile
    }
  });
  return found === undefined ? undefined : Number(found);
}
