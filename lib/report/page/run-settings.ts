import type { RunInfo } from "../run.js";
import { flattenSettings } from "../settings.js";

/** The settings that repeat a run, by name: its configuration and versions. */
export function runSettings(info: RunInfo): Record<string, string> {
  return { ...flattenSettings(info.config), ...recorded(info) };
}

function recorded(info: RunInfo): Record<string, string> {
  const { reference, versions } = info;
  return {
    ...(reference && { "reference data": describeReference(reference) }),
    codyra: versions.codyra,
    libtorch: versions.libtorch,
    "Node.js": versions.node,
    "git revision": info.gitRevision ?? "–",
  };
}

function describeReference({ name, images, texts, fingerprint }: NonNullable<RunInfo["reference"]>): string {
  const size = `${images.toLocaleString("en")} images, ${texts.toLocaleString("en")} texts`;
  return `${name}: ${size}, ${fingerprint}`;
}
