import type { CudaBackend } from "./cuda-backend.js";

/** Where the process of a rank runs, and what its GPU communicates by. */
export interface Member {
  readonly host: string;
  readonly pid: number;
  readonly cudaBackend: CudaBackend;
}
