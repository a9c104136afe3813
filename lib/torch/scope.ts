import { AsyncLocalStorage } from "node:async_hooks";
import { bridge, type Handle } from "./bridge.js";
import { Tensor } from "./tensor.js";

// Finalizers run only when the event loop turns, which a synchronous training loop never lets happen. So
// scopes own tensors, and the garbage collector is the safety net for those made outside of every scope.

/** `Tensor.handle` of a tensor that `dispose` released. */
export const disposed = -1;
/** `Tensor.handle` of a tensor that its scope released. */
export const scopeClosed = -2;

interface Scope {
  readonly tensors: Tensor[];
  isOpen: boolean;
}

const scopes = new AsyncLocalStorage<Scope | undefined>();

/**
 * Runs `body` and releases every tensor made inside it. Tensors in its result stay (in arrays, plain objects
 * and maps, at any depth), and so do those that were kept with `keep`. They are released also when `body`
 * throws. `body` may be asynchronous: the scope closes when its promise settles, and overlapping asynchronous
 * scopes keep their tensors apart.
 */
export function scope<T>(body: () => T): T {
  const opened: Scope = { tensors: [], isOpen: true };
  let result: T;
  try {
    result = scopes.run(opened, body);
  } catch (error) {
    close(opened, undefined);
    throw error;
  }
  if (result instanceof Promise) {
    return result.then(
      (value) => {
        close(opened, value);
        return value;
      },
      (error) => {
        close(opened, undefined);
        throw error;
      },
    ) as T;
  }
  close(opened, result);
  return result;
}

/** Makes a tensor outlive the scopes it was made in: it now belongs to the caller, until `dispose`. */
export function keep<T extends Tensor>(tensor: T): T {
  tensor.isKept = true;
  return tensor;
}

/**
 * Runs `body` outside of all scopes: what it makes belongs to the caller. For state that outlives a step,
 * such as an optimiser's.
 */
export function unscoped<T>(body: () => T): T {
  return scopes.run(undefined, body);
}

/** Hands a new tensor to the current scope, or to the garbage collector's registry when there is none. */
export function adopt(tensor: Tensor): void {
  const current = scopes.getStore();
  // Timers and promises that nobody awaits run in the scope that started them, which may be closed by then.
  if (current?.isOpen) current.tensors.push(tensor);
  else adoptUnscoped(tensor);
}

function close(closing: Scope, result: unknown): void {
  closing.isOpen = false;
  const returned = new Set<Tensor>();
  try {
    collectTensors(result, returned);
  } finally {
    release(closing.tensors, returned); // also when a getter of the result throws
  }
}

function release(tensors: readonly Tensor[], returned: ReadonlySet<Tensor>): void {
  const handles: Handle[] = [];
  for (const tensor of tensors) {
    if (tensor.handle <= 0) continue;
    if (tensor.isKept) adoptUnscoped(tensor);
    else if (returned.has(tensor)) adopt(tensor);
    else {
      handles.push(tensor.handle);
      tensor.handle = scopeClosed;
    }
  }
  if (handles.length > 0) bridge().releaseMany(Float64Array.from(handles));
}

function collectTensors(value: unknown, into: Set<Tensor>, seen = new Set<unknown>()): void {
  if (value instanceof Tensor) {
    into.add(value);
  } else if (typeof value === "object" && value !== null && !seen.has(value) && !ArrayBuffer.isView(value)) {
    seen.add(value);
    const members = value instanceof Map || value instanceof Set ? value.values() : Object.values(value);
    for (const member of members) collectTensors(member, into, seen);
  }
}

// Registering a tensor costs about as much as an operator call, and most are disposed before the event loop
// turns. They wait here until it does, or until there are many, and only the survivors are registered.
const waiting: Tensor[] = [];
const waitingLimit = 4096;
const registry = new FinalizationRegistry<Handle>((handle) => bridge().release(handle)); // a stale handle releases nothing

function adoptUnscoped(tensor: Tensor): void {
  if (waiting.length === 0) setImmediate(registerWaiting);
  if (waiting.push(tensor) >= waitingLimit) registerWaiting();
}

function registerWaiting(): void {
  const survivors = waiting.filter(({ handle }) => handle > 0);
  waiting.length = 0;
  for (const tensor of survivors) registry.register(tensor, tensor.handle);
  bridge().reportMemory(Float64Array.from(survivors, ({ handle }) => handle));
}
