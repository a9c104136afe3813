export { packageRoot } from "../files/index.js";
export { type AutocastOptions, autocast, refuseInsideAutocast } from "./autocast.js";
export {
  detectAnomaly,
  enableGrad,
  grad,
  inferenceMode,
  isGradEnabled,
  noGrad,
} from "./autograd.js";
export type { DeviceMemory } from "./bridge.js";
export { Checkpoints, type Part } from "./checkpoints.js";
export { fromTypedArray, type TensorOptions, tensor } from "./creation.js";
export * as cuda from "./cuda.js";
export * as distributed from "./distributed/index.js";
export * as archive from "./files/archive.js";
export { BackgroundFiles, type FileParts } from "./files/background-file.js";
export { NumpyArray, numpyGlobals } from "./files/numpy.js";
export { type PickleGlobal, type UnpickleOptions, unpickle } from "./files/pickle.js";
export * as safetensors from "./files/safetensors.js";
export * as images from "./images.js";
export { MagnitudeCheck } from "./magnitude-check.js";
export * as nn from "./nn/index.js";
export { callOperator } from "./operator.js";
export * from "./operators.generated.js";
export * as optim from "./optim/index.js";
export { Generator, generator, manualSeed } from "./random.js";
export { memoryStatistics, numThreads, setNumThreads, version } from "./runtime.js";
export { keep, scope, unscoped } from "./scope.js";
export { numelOf } from "./shape.js";
export { type BackwardOptions, Tensor, type ToOptions } from "./tensor.js";
export type {
  Complex,
  Device,
  DType,
  Layout,
  MemoryFormat,
  NestedNumbers,
  Scalar,
  TypedArray,
} from "./types.js";
export { upload } from "./upload.js";
