import { execFile } from "node:child_process";
import { join } from "node:path";
import { findPeerPython } from "../../scripts/setup/peers.mjs";
import { needs } from "../needs.js";

/** A Python with the packages of requirements.txt; undefined where they cannot be had. */
export const peerPython: string | undefined = findPeerPython();

/** For tests that run it. */
export const needsPeers = needs(
  peerPython !== undefined,
  "no Python packages to compare with",
  process.env.CODYRA_PEERS === "off"
    ? "unset CODYRA_PEERS"
    : "`npm run test:peers` installs them or says why not",
);

/**
 * Runs a script of this folder, which prints one JSON value.
 * @param script file name
 * @returns the value
 * @throws with what the script wrote to stderr if it fails
 */
export function runPeer(script: string, ...args: string[]): Promise<unknown> {
  const options = {
    maxBuffer: 2 ** 28,
    env: { ...process.env, HF_HUB_OFFLINE: "1", PYTHONDONTWRITEBYTECODE: "1", PYTHONWARNINGS: "ignore" },
  };
  return new Promise((resolve, reject) => {
    execFile(peerPython!, [join(import.meta.dirname, script), ...args], options, (error, stdout, stderr) => {
      if (error) reject(new Error(`${script} ended with ${error.code}:\n${stderr.slice(-4000)}`));
      else resolve(JSON.parse(stdout));
    });
  });
}
