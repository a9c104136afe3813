import { bridge } from "../bridge.js";
import type { Member } from "./member.js";

/** The library that carries collectives of tensors on GPUs. */
export type CudaBackend = "gloo" | "nccl";

/**
 * Gloo, which goes through the host's memory, or NCCL where `CODYRA_CUDA_BACKEND` asks for it. Nobody has
 * tried the latter yet.
 * @throws if it is neither, or NCCL was not there when the addon was built
 */
export function cudaBackend(wanted = process.env.CODYRA_CUDA_BACKEND ?? "gloo"): CudaBackend {
  if (wanted !== "gloo" && wanted !== "nccl") {
    throw new Error(
      `CODYRA_CUDA_BACKEND=${wanted}: expected gloo or nccl. Leave it out to communicate through the host's memory.`,
    );
  }
  if (wanted === "gloo" || bridge().hasNccl()) return wanted;
  throw new Error(
    "CODYRA_CUDA_BACKEND=nccl: expected an addon that was built with NCCL, got one without. " +
      "Run `pip install 'cuda-toolkit[crt,cccl]'` beside a torch that has CUDA, then `npm run setup`; or leave the variable out.",
  );
}

/** @throws if some processes would wait in one backend, and the others in another */
export function checkCudaBackends(members: readonly Member[]): void {
  const other = members.findIndex((member) => member.cudaBackend !== members[0]?.cudaBackend);
  if (other < 0) return;
  const [first, second] = [members[0], members[other]];
  throw new Error(
    `Rank ${other} on ${second?.host} has CODYRA_CUDA_BACKEND=${second?.cudaBackend}, and rank 0 on ${first?.host} ${first?.cudaBackend}: ` +
      "expected one and the same on all. Set it where the processes are started.",
  );
}
