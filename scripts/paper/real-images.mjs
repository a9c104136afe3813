import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { readJson, writeJson } from "../setup/files.mjs";
import { settingsOf } from "./plan.mjs";

/**
 * The plan with a configuration for each of its groups, written into the folder of the runs. `codyra run`
 * makes them on a pack of labelled images.
 * @param {{ config: string, groups: object[] }} plan config: shots, and options by method; a group's `order`
 * names its datasets, by default all as the manifest has them
 * @param {{ pack: string, model: string }} from pack: a folder with `manifest.json` and, for each dataset,
 * `<name>/{train,test}/<folder>/*.jpg`; model: a CLIP
 * @throws if the pack has no manifest, or a group names a dataset that is not in it
 */
export function withPack(plan, folder, { pack, model }) {
  const manifest = readJson(join(pack, "manifest.json"));
  if (manifest === undefined) {
    throw new Error(
      `${pack}: expected a pack of labelled images, but manifest.json is missing or no JSON. Give its folder.`,
    );
  }
  mkdirSync(folder, { recursive: true });
  const settings = settingsOf(plan);
  const groups = plan.groups.map((group) => {
    const { name, protocol, order = Object.keys(manifest) } = group;
    const datasets = order.map((dataset) => entry(pack, manifest, dataset));
    const config = join(folder, `${name}.json`); // JSON is YAML
    writeJson(config, { ...settings, protocol, model: resolve(model), datasets });
    const parts = order.map((dataset) => manifest[dataset]);
    const sum = (of) => parts.reduce((total, part) => total + of(part), 0);
    const classes = sum((part) => part.classes.length);
    const stream = {
      tasks: order.length,
      classes,
      testedClasses: classes,
      testImages: sum((part) => part.test),
    };
    return { ...group, config, stream };
  });
  return { ...plan, groups };
}

/** A dataset of the pack as a configuration of `codyra run` has it. */
function entry(pack, manifest, name) {
  const about = manifest[name];
  if (about === undefined) {
    const known = Object.keys(manifest).join(", ");
    throw new Error(`${pack}: expected datasets of its manifest (${known}), got ${name}. Correct the plan.`);
  }
  const classes = Object.fromEntries(about.folders.map((folder, i) => [folder, about.classes[i]]));
  return { name, root: resolve(pack, name), template: about.template, classes };
}
