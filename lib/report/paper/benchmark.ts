import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { packageRoot } from "../../files/index.js";
import { methodsInProtocol, protocolSchema } from "../../options/index.js";
import { parseWith } from "../../records/index.js";
import type { Configuration } from "../figures/configurations.js";
import { printedTables } from "./printed.js";

const options = z.record(z.string(), z.unknown());
const configSchema = z.object({ shots: z.int(), methods: z.record(z.string(), options) });
const planSchema = z.object({ seeds: z.array(z.int()) });
const miniatureSchema = configSchema.extend({
  ...planSchema.shape,
  model: z.string(),
  protocols: z.partialRecord(protocolSchema, z.record(z.string(), options)).optional(),
});

type Protocol = Configuration["protocol"];

/** A stream whose runs are known beforehand: which options its methods have, and how to run them. */
export interface Benchmark {
  readonly isPaper: boolean;
  readonly seeds: readonly number[];
  /** Options by method; those not named are the method's own defaults. */
  readonly methods: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** The command that makes a run. */
  command(run: {
    method: string;
    seed: number;
    datasets?: readonly string[];
    holdOuts?: readonly string[];
  }): string;
}

/** The paper's streams, as in `configs/paper`. */
export function paperBenchmark(protocol: Protocol): Benchmark {
  const config = `configs/paper/${protocol}.yaml`;
  return {
    isPaper: true,
    seeds: readYaml("configs/paper/plan.yaml", planSchema).seeds,
    methods: readYaml(config, configSchema).methods,
    command: ({ method, seed, holdOuts = [] }) =>
      [
        "codyra run --config",
        config,
        ...named("hold-outs", holdOuts),
        "--method",
        method,
        "--seed",
        seed,
        // apart from the run without hold-outs, which has the same name
        ...(holdOuts.length > 0 ? ["--output", `runs/hold-outs/${method}-seed${seed}`] : []),
      ].join(" "),
  };
}

/**
 * The embedded benchmark, as in `configs/miniature.yaml`.
 * @param model that its runs start from. Default: the one of that file
 */
export function miniatureBenchmark(protocol: Protocol, model?: string): Benchmark {
  const settings = readYaml("configs/miniature.yaml", miniatureSchema);
  return {
    isPaper: false,
    seeds: settings.seeds,
    methods: methodsInProtocol(settings, protocol),
    command: ({ method, seed, datasets = [], holdOuts = [] }) => {
      const domains =
        holdOuts.length > 0 ? [...named("domains", datasets), ...named("hold-outs", holdOuts)] : [];
      return [
        "codyra demo",
        ...miniatureStart(model),
        "--protocol",
        protocol,
        ...domains,
        "--methods",
        method,
        "--seed",
        seed,
      ].join(" ");
    },
  };
}

/** The option of `codyra demo` for a model to start from; none for that of `configs/miniature.yaml`. */
export function miniatureStart(model?: string): string[] {
  const isDefault =
    model === undefined || model === readYaml("configs/miniature.yaml", miniatureSchema).model;
  return isDefault ? [] : ["--model", model];
}

/** The benchmark that a configuration belongs to; `undefined` for streams of one's own. */
export function benchmarkOf({ protocol, datasets, runs }: Configuration): Benchmark | undefined {
  const { model, shots, testPerClass } = runs[0].info.config;
  if (testPerClass !== undefined) return miniatureBenchmark(protocol, String(model));
  const printed = printedTables()[protocol];
  const isPaper = datasets.join() === printed.datasets.join() && shots === printed.shots;
  return isPaper ? paperBenchmark(protocol) : undefined;
}

function named(option: string, names: readonly string[]): string[] {
  return names.length > 0 ? [`--${option}`, ...names] : [];
}

function readYaml<T>(path: string, schema: z.ZodType<T>): T {
  const text = readFileSync(join(packageRoot, path), "utf8");
  return parseWith(schema, parse(text, { merge: true }), path);
}
