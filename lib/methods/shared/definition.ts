import type { z } from "zod";
import type { DualEncoder } from "../../clip/index.js";
import type { OptionSource } from "../../options/index.js";
import {
  type DescribedOption,
  describeOptions,
  type Given,
  type Hint,
  parseOptions,
  withCurrentNames,
} from "../../options/index.js";
import type { Cost, CostSetting } from "./cost.js";
import type { ContinualMethod, ProtocolName } from "./types.js";

/** A method by name: its options, how it is made, and what it costs. */
export interface MethodDefinition {
  readonly name: string;
  /** Its name in tables and figures. */
  readonly label: string;
  /** One line for `--help` and reports. */
  readonly summary: string;
  /** Its options in the order of help, each with its default where that does not depend on others. */
  readonly described: readonly DescribedOption[];
  /**
   * All options in force.
   * @param hint advice for unknown options
   * @throws ZodError if an option is unknown or out of range
   */
  resolve(given: Given, protocol: ProtocolName, hint?: Hint): Given;
  /** @throws ZodError if an option is unknown or out of range */
  create(given: Given, protocol: ProtocolName, hint?: Hint): ContinualMethod;
  /**
   * Counts its cost with its default options on the modules that it builds.
   * @param model on any device; on `meta`, nothing is computed and no memory is needed
   */
  cost(model: DualEncoder, setting: CostSetting): Cost;
}

/** The definition in a method's file. */
export interface MethodPlan<S extends z.ZodObject> {
  readonly name: string;
  /** Its name in tables and figures, as the field writes it. Default: `name`. */
  readonly label?: string;
  readonly summary: string;
  readonly schema: S;
  /** Source of all options, for a method whose options have one. Default: that of each in the schema. */
  readonly source?: OptionSource;
  /** Fills in options whose default depends on the protocol or on another option. */
  complete?(given: Given, protocol: ProtocolName): Given;
  create(options: z.output<S>, protocol: ProtocolName): ContinualMethod;
  cost(model: DualEncoder, setting: CostSetting): Cost;
}

/** Makes a method known by its schema: flags, help, YAML validation and types come from it. */
export function defineMethod<S extends z.ZodObject>(plan: MethodPlan<S>): MethodDefinition {
  const { name, label = name, summary, schema, source } = plan;
  const resolve = (given: Given, protocol: ProtocolName, hint?: Hint): z.output<S> => {
    const current = withCurrentNames(given);
    return parseOptions(schema, plan.complete?.(current, protocol) ?? current, hint);
  };
  return {
    name,
    label,
    summary,
    get described() {
      return describeOptions(schema).map((option) => ({ ...option, source: source ?? option.source }));
    },
    resolve,
    create: (given, protocol, hint) =>
      Object.assign(plan.create(resolve(given, protocol, hint), protocol), { label }),
    cost: (model, setting) => plan.cost(model, setting),
  };
}
