import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import bindings from "bindings";
import { packageRoot } from "../files/index.js";
import type { Complex, Scalar } from "./types.js";

/**
 * A tensor inside the addon: slot number and generation in one integer. Zero or less is a tensor that was
 * released.
 */
export type Handle = number;

export interface OperatorDescription {
  readonly name: string;
  readonly schema: string;
  readonly arguments: readonly {
    readonly name: string;
    readonly type: string;
    readonly keywordOnly: boolean;
  }[];
  readonly returns: readonly string[];
}

/** Memory of a GPU: what tensors use, what libtorch keeps for them, and what the device has. */
export interface DeviceMemory {
  readonly allocatedBytes: number;
  readonly reservedBytes: number;
  readonly peakAllocatedBytes: number;
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** The exports of `native/bridge/`; one line per function, grouped by the file that implements it. */
export interface Bridge {
  // operators.cc
  version(): string;
  schemas(): string[];
  findOperator(name: string, overload: string): number;
  describeOperator(operator: number): OperatorDescription;
  call(operator: number, ...args: unknown[]): unknown;
  // tensors.cc
  release(handle: Handle): void;
  releaseMany(handles: Float64Array): void;
  /** Tells V8 of the memory of tensors that its garbage collector releases. */
  reportMemory(handles: Float64Array): void;
  fromBytes(bytes: ArrayBufferView, dtype: string, shape: readonly number[]): Handle;
  copyBytes(handle: Handle, into: ArrayBufferView): void;
  shareBytes(handle: Handle): ArrayBuffer;
  shape(handle: Handle): number[];
  strides(handle: Handle): number[];
  dtype(handle: Handle): string;
  device(handle: Handle): string;
  item(handle: Handle): Scalar | Complex;
  isContiguous(handle: Handle): boolean;
  isSameStorage(a: Handle, b: Handle): boolean;
  memoryStatistics(): { liveTensors: number; liveBytes: number };
  largeBlockStatistics(): { usedBytes: number; keptBytes: number };
  // autograd.cc
  requiresGrad(handle: Handle): boolean;
  setRequiresGrad(handle: Handle, value: boolean): void;
  isLeaf(handle: Handle): boolean;
  grad(handle: Handle): Handle | null;
  setGrad(handle: Handle, grad: Handle | null): void;
  retainGrad(handle: Handle): void;
  backward(
    tensors: readonly Handle[],
    gradients: readonly (Handle | null)[],
    retainGraph: boolean,
    createGraph: boolean,
    inputs: readonly Handle[],
  ): void;
  gradients(
    outputs: readonly Handle[],
    inputs: readonly Handle[],
    outputGradients: readonly (Handle | null)[],
    retainGraph: boolean,
    createGraph: boolean,
    allowUnused: boolean,
  ): (Handle | null)[];
  isGradEnabled(): boolean;
  setGradEnabled(enabled: boolean): boolean;
  enterInferenceMode(): void;
  exitInferenceMode(): void;
  setAnomalyEnabled(enabled: boolean): boolean;
  // autocast.cc
  autocastDtype(device: string): string | null;
  enterAutocast(device: string, dtype: string | null): string | null;
  exitAutocast(device: string, before: string | null): void;
  // random.cc
  manualSeed(seed: number | bigint): void;
  createGenerator(device: string, seed: number | bigint): number;
  defaultGenerator(device: string): number;
  releaseGenerator(generator: number): void;
  generatorSeed(generator: number): bigint;
  setGeneratorSeed(generator: number, seed: number | bigint): void;
  generatorState(generator: number): Handle;
  setGeneratorState(generator: number, state: Handle): void;
  // runtime.cc
  numThreads(): number;
  setNumThreads(threads: number): void;
  endWithoutDestructors(): void;
  // magnitudes.cc
  beginMagnitudeCheck(tensors: readonly Handle[], most: number): unknown;
  endMagnitudeCheck(check: unknown): number;
  // cuda.cc
  hasCuda(): boolean;
  cudaDeviceCount(): number;
  cudaMemory(device: number): DeviceMemory;
  cudaSynchronize(device: number): void;
  cudaEmptyCache(): void;
  cudaResetPeakMemory(device: number): void;
  recordCudaEvent(device: number): unknown;
  cudaElapsedMs(start: unknown, end: unknown): number;
  enterCudaSideStream(device: number): void;
  leaveCudaSideStream(): void;
  // cuda_graph.cc
  beginCudaGraph(device: number): unknown;
  endCudaGraph(graph: unknown): void;
  abandonCudaGraph(graph: unknown): void;
  replayCudaGraph(graph: unknown): void;
  releaseCudaGraph(graph: unknown): void;
  // archive.cc
  archiveRecords(path: string): { name: string; offset: number; bytes: number }[];
  writeArchive(path: string, names: readonly string[], tensors: readonly Handle[]): void;
  // images.cc
  decodeJpeg(
    bytes: Uint8Array,
    size?: number,
    shortSide?: number,
    isBilinear?: boolean,
  ): Promise<Pixels | undefined>;
  resizeToSquare(
    pixels: Uint8Array,
    width: number,
    height: number,
    size: number,
    shortSide: number,
    isBilinear: boolean,
  ): Promise<Pixels>;
  hasJpegDecoder(): boolean;
  // store.cc and distributed.cc; missing where libtorch has no c10d
  openStore?(
    host: string,
    port: number,
    isServer: boolean,
    prefix: string,
    timeoutMs: number,
  ): Promise<unknown>;
  storeSet(store: unknown, key: string, value: string): void;
  storeGet(store: unknown, key: string): string | undefined;
  closeStore(store: unknown): void;
  startHeartbeat(store: unknown, key: string, periodMs: number): unknown;
  stopHeartbeat(heartbeat: unknown): void;
  hasNccl(): boolean;
  createGroup(
    store: unknown,
    name: string,
    rank: number,
    size: number,
    timeoutMs: number,
    withNccl: boolean,
  ): Promise<unknown>;
  closeGroup(group: unknown): void;
  collectivesIssued(group: unknown): number;
  collectivesInFlight(): number;
  waitForCollective(handle: Handle): Promise<void>;
}

/** RGB bytes, and the size of the image before it was resized. */
export interface Pixels {
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
}

let loaded: Bridge | undefined;

/**
 * The addon, loaded at the first use so that importing codyra costs nothing.
 * @throws when it has not been built, or cannot be loaded, with what to do
 */
export function bridge(): Bridge {
  loaded ??= load();
  return loaded;
}

export function isLoaded(): boolean {
  return loaded !== undefined;
}

/** The path at which the addon is, or would be. */
export function addonPath(): string {
  // Another build of it, for `npm run check:sanitize`.
  const folder = process.env.CODYRA_ADDON_DIRECTORY ?? join(packageRoot, "build", "Release");
  return join(folder, "codyra.node");
}

function load(): Bridge {
  const path = addonPath();
  if (!existsSync(path)) {
    throw new Error(
      `The native addon is missing: expected ${path}. Run \`npm run setup\` in ${packageRoot} to build it.`,
    );
  }
  calmIdleThreads();
  try {
    return process.env.CODYRA_ADDON_DIRECTORY === undefined
      ? (bindings({ bindings: "codyra.node", module_root: packageRoot }) as Bridge)
      : (createRequire(import.meta.url)(path) as Bridge);
  } catch (cause) {
    throw new Error(
      `The native addon ${path} could not be loaded: ${(cause as Error).message}. ` +
        "Run `npm run setup` to build it against the libtorch that is installed now, or `npx codyra doctor` to see what is wrong.",
      { cause },
    );
  }
}

/**
 * Worker threads of OpenMP wait for work in a busy loop of milliseconds. With any other load on the machine,
 * it makes steps of many small operators many times slower. Without any such loop each operator has to wake
 * them, which takes a fifth of a large step and half of a small one (bench/README.md). So they spin for about
 * 0.1 ms, then sleep. Read by the library when it loads; the user's own setting wins.
 */
export function calmIdleThreads(): void {
  if (process.env.OMP_WAIT_POLICY === undefined) process.env.GOMP_SPINCOUNT ??= "3000";
}
