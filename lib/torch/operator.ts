import { bridge, type Handle } from "./bridge.js";
import { Generator } from "./random.js";
import { adopt } from "./scope.js";
import { Tensor } from "./tensor.js";

// This file is imported by generated code that takes part in an import cycle with tensor.ts. Everything it
// exports is a hoisted function declaration (or a type), so the order in which the modules are evaluated does
// not matter.

/** An operator of the PyTorch dispatcher; its number is looked up at the first call. */
export interface Operator {
  readonly name: string;
  readonly overload: string;
  id: number;
}

/** Names an operator without loading the addon. */
export function lazyOperator(name: string, overload: string): Operator {
  return { name, overload, id: -1 };
}

/** The operator's number in the addon. @throws if this libtorch has no such operator */
export function id(operator: Operator): number {
  return operator.id >= 0 ? operator.id : resolve(operator);
}

function resolve(operator: Operator): number {
  operator.id = bridge().findOperator(operator.name, operator.overload);
  return operator.id;
}

/**
 * Calls an operator with raw values: tensors as handles, everything else as it is, `undefined` for a default.
 * The addon checks every value against the schema.
 */
export function call(operator: number, ...args: unknown[]): unknown {
  return bridge().call(operator, ...args);
}

/**
 * The handle the addon expects where a schema says `Tensor`. A caller without types may pass anything: the
 * addon refuses it and names the argument.
 */
export function handle(value: unknown): Handle {
  if (value instanceof Tensor) return value.handle;
  return typeof value === "number" ? Number.NaN : (value as Handle); // no number must be taken for a handle
}

export function optionalHandle(value: unknown): Handle | undefined {
  return value === undefined || value === null ? undefined : handle(value);
}

/** Whatever is not a list goes through as it is: the addon's message names the argument. */
export function handles(values: unknown): Handle[] {
  return Array.isArray(values) ? values.map(handle) : (values as Handle[]);
}

export function generatorHandle(value: Generator | null | undefined): number | undefined {
  // Anything else that is passed by mistake must not become the default: NaN is none, and the addon names the
  // argument.
  return value === undefined || value === null
    ? undefined
    : value instanceof Generator
      ? value.handle
      : Number.NaN;
}

/** Gives a result of the addon to the current scope. */
export function wrap(result: unknown): Tensor {
  const tensor = new Tensor(result as Handle);
  adopt(tensor);
  return tensor;
}

export function wrapOptional(result: unknown): Tensor | undefined {
  return result === null || result === undefined ? undefined : wrap(result);
}

export function wrapList(results: unknown): Tensor[] {
  return (results as Handle[]).map(wrap);
}

/**
 * Calls any operator of the dispatcher by name, `callOperator("aten::add.Tensor", a, b, { alpha: 2 })`:
 * positional arguments, then one object of keyword arguments under the names of the schema. Private operators
 * (`_…`) and parts of backward passes (`…_backward`) need `{ unsafe: true }` among the keyword arguments.
 * PyTorch's own code alone calls them, and they check their arguments so little that wrong shapes can end the
 * process.
 * @returns the operator's result as its schema says; several as an array
 * @throws if the operator is unknown, is not for calling by hand, or an argument does not fit its schema
 */
export function callOperator(name: string, ...args: unknown[]): unknown {
  const isUnsafe = takeUnsafe(args);
  if (!isUnsafe && isInternal(name)) {
    throw new Error(
      `${name}: expected an operator that checks its arguments, got one that PyTorch calls itself: on wrong shapes it can end the ` +
        "process. Call the public operator above it, or add { unsafe: true } to its keyword arguments.",
    );
  }
  const dot = name.indexOf(".");
  const operator = bridge().findOperator(
    dot < 0 ? name : name.slice(0, dot),
    dot < 0 ? "" : name.slice(dot + 1),
  );
  const { arguments: parameters, returns } = bridge().describeOperator(operator);
  const last = args.at(-1);
  const keywords = isKeywords(last) ? (args.pop() as Record<string, unknown>) : undefined;
  const raw = args.map((value, i) => toRaw(value, parameters[i]?.type ?? ""));
  if (keywords !== undefined) {
    const named = Object.entries(keywords).map(([key, value]) => {
      const type = parameters.find((parameter) => parameter.name === key)?.type ?? "";
      return [key, toRaw(value, type)] as const;
    });
    raw.push(Object.fromEntries(named));
  }
  const result = bridge().call(operator, ...raw);
  if (returns.length === 1) return fromRaw(result, returns[0] as string);
  return returns.length === 0
    ? undefined
    : (result as unknown[]).map((value, i) => fromRaw(value, returns[i] as string));
}

/** Takes `unsafe`, which is ours and in no schema, from the keyword arguments. */
function takeUnsafe(args: unknown[]): boolean {
  const last = args.at(-1);
  if (!isKeywords(last) || !Object.hasOwn(last as object, "unsafe")) return false;
  const { unsafe, ...keywords } = last as Record<string, unknown>;
  if (typeof unsafe !== "boolean") {
    throw new TypeError(`callOperator: expected unsafe to be true or false, got ${typeof unsafe}.`);
  }
  args.pop();
  if (Object.keys(keywords).length > 0) args.push(keywords);
  return unsafe;
}

/** Private, or a part of a backward pass. Those of this package check what they are given. */
function isInternal(name: string): boolean {
  if (name.startsWith("codyra::")) return false;
  const base = (name.split("::").at(-1) as string).split(".")[0] as string;
  const isDunder = /^__\w+__$/.test(base); // Python's operators, such as __and__
  return (base.startsWith("_") && !isDunder) || /_backward(?:_|$)/.test(base);
}

function isKeywords(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

// A tensor becomes its handle only where the schema takes one: elsewhere the handle would pass for an
// integer.
function toRaw(value: unknown, type: string): unknown {
  if (type.startsWith("Generator")) return generatorHandle(value as Generator | undefined);
  if (!type.startsWith("Tensor")) return value;
  return type.includes("[") ? handles(value as Tensor[]) : handle(value as Tensor);
}

function fromRaw(value: unknown, type: string): unknown {
  if (!type.startsWith("Tensor")) return value;
  return Array.isArray(value) ? value.map(wrapOptional) : wrapOptional(value);
}
