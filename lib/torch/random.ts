import { bridge } from "./bridge.js";
import { handle, wrap } from "./operator.js";
import type { Tensor } from "./tensor.js";
import type { Device } from "./types.js";

const registry = new FinalizationRegistry<number>((handle) => bridge().releaseGenerator(handle));

/** A seeded source of random numbers. Pass it as `generator` to `randn`, `randperm` and the like. */
export class Generator {
  readonly handle: number;

  private constructor(handle: number) {
    this.handle = handle;
    registry.register(this, handle);
  }

  /** A generator of its own. */
  static create(seed: number | bigint, device: Device = "cpu"): Generator {
    return new Generator(bridge().createGenerator(device, seed));
  }

  /** The one that operators use when none is named. */
  static default(device: Device = "cpu"): Generator {
    return new Generator(bridge().defaultGenerator(device));
  }

  get seed(): bigint {
    return bridge().generatorSeed(this.handle);
  }

  set seed(value: number | bigint) {
    bridge().setGeneratorSeed(this.handle, value);
  }

  /** Everything needed to go on with the same numbers later: a `uint8` tensor. */
  get state(): Tensor {
    return wrap(bridge().generatorState(this.handle));
  }

  set state(value: Tensor) {
    bridge().setGeneratorState(this.handle, handle(value));
  }
}

/** Seeds the default generators of all devices. */
export function manualSeed(seed: number | bigint): void {
  bridge().manualSeed(seed);
}

/** A generator with its own seed; shorthand for `Generator.create`. */
export function generator(seed: number | bigint, device: Device = "cpu"): Generator {
  return Generator.create(seed, device);
}
