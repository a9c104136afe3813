import { createHash } from "node:crypto";
import type { RunRecord } from "../records/index.js";
import * as torch from "../torch/index.js";

/**
 * Compares over all processes what their runs are, before anything is computed: versions, configuration,
 * datasets and weights.
 * @throws on every process if one of them differs, naming its rank, host and what differs
 */
export function checkAlike(record: RunRecord): void {
  if (!torch.distributed.isInitialized()) return;
  const all = torch.distributed.allGatherObjects(digests(record));
  const [first] = all as [Record<string, string>];
  const members = torch.distributed.members();
  for (const [rank, own] of all.entries()) {
    const what = Object.keys({ ...first, ...own }).filter((name) => first[name] !== own[name]);
    if (what.length === 0) continue;
    throw new Error(
      `Rank ${rank} on ${members[rank]?.host} differs from rank 0 on ${members[0]?.host} in ${what.join(", ")}: ` +
        "expected one and the same on all. Start all with one configuration file, and give each machine the same files.",
    );
  }
}

/** By name, a hash of what has to be the same everywhere. */
function digests({
  versions,
  config,
  method,
  protocol,
  seed,
  datasets,
  ...rest
}: RunRecord): Record<string, string> {
  const { device: _device, ...settings } = config; // each process has its own
  const { holdOuts = [], reference, inherited, modelFingerprint } = rest;
  const named = Object.fromEntries(
    [...datasets, ...holdOuts].map((dataset) => [`dataset '${dataset.name}'`, hash(dataset)]),
  );
  return {
    "version of codyra or libtorch": hash([versions.codyra, versions.libtorch]),
    configuration: hash([settings, method, protocol, seed, datasets.map(({ name }) => name)]),
    ...named,
    ...(reference && { "reference data": hash({ ...reference, name: "" }) }),
    "inherited statistics": hash(inherited?.fingerprint),
    weights: hash(modelFingerprint),
  };
}

function hash(value: unknown): string {
  return createHash("sha256")
    .update(JSON.stringify(value) ?? "")
    .digest("hex");
}
