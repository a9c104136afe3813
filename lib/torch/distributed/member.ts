import type { CudaBackend } from "./cuda-backend.js";

/** The machine and process of a rank, and the library by which its GPU communicates. */
export interface Member {
  readonly host: string;
  readonly pid: number;
  readonly cudaBackend: CudaBackend;
}
