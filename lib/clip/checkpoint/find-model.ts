import { nearestName, printable } from "../../options/index.js";
import type { Tensor } from "../../torch/index.js";

// Training programs put a model's parameters into dictionaries (`state_dict`, `model`, `ema`) and attributes
// (`module`, Lightning's own), in any order. The parameters are found by the names that only CLIP has,
// whatever stands before these.

/** The parameters of a CLIP model among the tensors of a file. */
export interface FoundModel {
  /** Under their published names. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly naming: "huggingface" | "openai";
  /** Prefix of the names, such as `state_dict.module.`; empty if there was none. */
  readonly prefix: string;
  /** Notes for the user on everything that was taken off or left out. */
  readonly notes: readonly string[];
}

/**
 * Attributes in which libraries wrap a module, anywhere on the way to a parameter. CLIP has none of these
 * names.
 */
const wrappers = new Set([
  "module", // DataParallel, DistributedDataParallel, DeepSpeed, AveragedModel
  "_orig_mod", // torch.compile
  "_fsdp_wrapped_module",
  "_checkpoint_wrapped_module",
  "_forward_module", // Lightning Fabric
]);

/** Names that show where a model begins, and the one that it surely has. */
const namings = [
  {
    naming: "openai",
    first: /^(.*?\.)??visual\./,
    sure: "visual.conv1.weight",
  },
  {
    naming: "huggingface",
    first: /^(.*?\.)??(?:vision|text)_model\./,
    sure: "vision_model.embeddings.patch_embedding.weight",
  },
] as const;

/** Averages of weights and second models of a training, which are not the model itself. */
const secondary = /(^|[._])(ema|swa|avg|averaged|shadow|teacher|target|momentum)([._]|$)|_?ema\b/i;

/** A key without the wrappers on its way. */
export function withoutWrappers(key: string): string {
  const parts = key.split(".");
  return parts.some((part) => wrappers.has(part))
    ? parts.filter((part) => !wrappers.has(part)).join(".")
    : key;
}

/**
 * Finds the parameters of a CLIP model.
 * @param chosen the prefix of the names to take, if a file holds several models
 * @param source named in errors
 * @returns `undefined` where there is none
 * @throws if there are several that are equally good, naming them
 */
export function findModel(
  tensors: ReadonlyMap<string, Tensor>,
  source: string,
  chosen?: string,
): FoundModel | undefined {
  const plain = unwrapped(tensors, source);
  const candidates = candidatesIn(plain);
  const wanted = chosen === undefined ? undefined : `${chosen.replace(/\.$/, "")}.`.replace(/^\.$/, "");
  const best = wanted === undefined ? choose(candidates, source) : pick(candidates, wanted, source);
  if (best === undefined) return undefined;
  const { prefix, naming } = best;
  const own = Array.from(plain, ([key, { tensor }]) => [key, tensor] as const).filter(([key]) =>
    key.startsWith(prefix),
  );
  const found = new Map(own.map(([key, tensor]) => [key.slice(prefix.length), tensor]));
  return { tensors: found, naming, prefix, notes: notesAbout(plain, candidates, best) };
}

interface Candidate {
  readonly prefix: string;
  readonly naming: FoundModel["naming"];
  /** Whether the name is there that a model surely has. */
  readonly isSure: boolean;
}

type Plain = ReadonlyMap<string, { readonly tensor: Tensor; readonly original: string }>;

function unwrapped(tensors: ReadonlyMap<string, Tensor>, source: string): Plain {
  const plain = new Map<string, { tensor: Tensor; original: string }>();
  for (const [original, tensor] of tensors) {
    const key = withoutWrappers(original);
    const other = plain.get(key);
    if (other !== undefined) {
      throw new Error(
        `${source}: '${other.original}' and '${original}' are the same parameter of two models: expected one. Save one of them alone.`,
      );
    }
    plain.set(key, { tensor, original });
  }
  return plain;
}

function candidatesIn(plain: Plain): Candidate[] {
  const found = new Map<string, Candidate>();
  for (const key of plain.keys()) {
    for (const { naming, first, sure } of namings) {
      const match = first.exec(key);
      if (match === null) continue;
      const prefix = match[1] ?? "";
      const isSure = plain.has(prefix + sure);
      const id = `${naming} ${prefix}`;
      if (!found.has(id)) found.set(id, { prefix, naming, isSure });
    }
  }
  const all = [...found.values()];
  const sure = all.filter(({ isSure }) => isSure);
  return sure.length > 0 ? sure : all;
}

function choose(candidates: readonly Candidate[], source: string): Candidate | undefined {
  const primary = candidates.filter(({ prefix }) => !secondary.test(prefix));
  const best = primary.length > 0 ? primary : candidates;
  if (best.length <= 1) return best[0];
  const [shortest] = best.toSorted((a, b) => a.prefix.length - b.prefix.length);
  if (!shortest!.isSure) return shortest;
  throw new Error(
    `${source}: holds several CLIP models, under ${listPrefixes(best)}: expected one. ` +
      "Name the one to read with the option `weights`.",
  );
}

function pick(candidates: readonly Candidate[], wanted: string, source: string): Candidate {
  const plain = withoutWrappers(wanted);
  const found = candidates.find(({ prefix }) => prefix === wanted || prefix === plain);
  if (found !== undefined) return found;
  throw new Error(
    `${source}: has no CLIP model under '${wanted}': expected ${listPrefixes(candidates) || "none, as there is no other"}. ` +
      "Correct the option `weights`, or leave it out.",
  );
}

function notesAbout(plain: Plain, candidates: readonly Candidate[], best: Candidate): string[] {
  const example = Array.from(plain).find(([key]) => key.startsWith(best.prefix))!;
  const [key, { original }] = example;
  const before = original.slice(0, original.length - (key.length - best.prefix.length));
  const isInside = original !== key && !original.endsWith(key.slice(best.prefix.length));
  const removed = isInside ? `'${best.prefix}' and wrappers such as those in '${original}'` : `'${before}'`;
  const others = candidates.filter((candidate) => candidate !== best);
  const left = [...plain.keys()].filter((key) => !key.startsWith(best.prefix));
  return [
    ...(original === key && best.prefix === "" ? [] : [`took ${removed} off the names of the parameters`]),
    ...(others.length > 0
      ? [`read the model under '${best.prefix}', not ${listPrefixes(others)}; the option \`weights\` chooses`]
      : []),
    ...(left.length > 0 ? [`left out ${left.length} tensors beside the model, such as '${left[0]}'`] : []),
  ];
}

function listPrefixes(candidates: readonly Candidate[]): string {
  return candidates.map(({ prefix }) => `'${prefix.replace(/\.$/, "")}'`).join(", ");
}

/** The error about a file in which there is no CLIP model. */
export function noModel(tensors: ReadonlyMap<string, Tensor>, source: string): Error {
  const keys = [...tensors.keys()];
  const isTimm = keys.some((key) => /(^|\.)blocks\.0\.attn\.qkv\.weight$/.test(key));
  const what = isTimm ? "an image tower of timm and no CLIP model" : "no CLIP model";
  const wanted = namings.map(({ sure }) => sure);
  const nearest = nearestKeys(keys, wanted, 8).map(
    (key) => `  ${printable(key)} [${tensors.get(key)!.shape.join(", ")}]`,
  );
  return new Error(
    `${source}: ${what} among its ${keys.length} tensors: expected ${wanted.join(" or ")}, under any prefix. Nearest:\n` +
      `${nearest.join("\n")}\nGive the weights of a CLIP model.`,
  );
}

/** Those of the keys that are most like any of the wanted ones, the most like first. */
export function nearestKeys(keys: readonly string[], wanted: readonly string[], count: number): string[] {
  const left = new Set(keys);
  const nearest: string[] = [];
  for (let i = 0; nearest.length < count && left.size > 0; i++) {
    const key = nearestName(wanted[i % wanted.length]!, [...left]);
    nearest.push(key);
    left.delete(key);
  }
  return nearest;
}
