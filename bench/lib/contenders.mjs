import { findPeerPython } from "../../scripts/setup/peers.mjs";
import { startCodyra, startPeer } from "./peer.mjs";

/** Who trains and classifies. Each answers the same requests in a process of its own. */
const contenders = {
  codyra: { script: "codyra.mjs" },
  before: { script: "codyra.mjs", title: "the other build" },
  plain: { script: "plain.py", title: "(a) plain formulation" },
  peft: { script: "peft_lora.py", title: "(b) peft on transformers", needsPackages: true },
  fast: { script: "fast.py", title: "(c) fastest eager PyTorch" },
  huggingFace: { script: "hugging_face.py", title: "transformers", needsPackages: true },
};

export const titleOf = (kind) => contenders[kind].title;

/** Whether the Python packages that a contender needs are installed. */
export function isAvailable(kind) {
  return !contenders[kind].needsPackages || findPeerPython() !== undefined;
}

/** Said in place of the rows that cannot be measured. */
export const missingPackages =
  "Without the Python packages of the peers, rows against peft and transformers are left out: `npm run test:peers` installs them.";

/**
 * Starts a contender in a fresh process.
 * @param against the checkout of the other build
 * @returns see `startPeer`
 */
export function startContender(kind, { threads, against }) {
  const { script, needsPackages } = contenders[kind];
  if (kind === "codyra") return startCodyra(script, { threads });
  if (kind === "before") return startCodyra(script, { threads, checkout: against });
  return startPeer(script, { threads, interpreter: needsPackages ? findPeerPython() : undefined });
}
