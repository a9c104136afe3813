import { expect, it } from "vitest";
import { checkCudaBackends, cudaBackend } from "../../../lib/torch/distributed/cuda-backend.js";

it("is Gloo where nothing is said", () => {
  expect(cudaBackend()).toBe("gloo");
  expect(cudaBackend("gloo")).toBe("gloo");
});

it("refuses what it does not know, and unlike processes by their ranks", () => {
  expect(() => cudaBackend("mpi")).toThrow("CODYRA_CUDA_BACKEND=mpi: expected gloo or nccl.");
  const member = { host: "a", pid: 1, cudaBackend: "gloo" } as const;
  expect(() => checkCudaBackends([member, member])).not.toThrow();
  expect(() => checkCudaBackends([member, { ...member, host: "b", cudaBackend: "nccl" }])).toThrow(
    "Rank 1 on b has CODYRA_CUDA_BACKEND=nccl, and rank 0 on a gloo: expected one and the same on all.",
  );
});
