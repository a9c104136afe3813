import { createServer } from "node:net";

/**
 * Variables by which `init` of one of several processes on this machine finds the others.
 * They are those of `torchrun`.
 * @param port free, the same for all
 */
export function launchVariables(
  rank: number,
  worldSize: number,
  port: number,
): Readonly<Record<string, string>> {
  return {
    RANK: `${rank}`,
    WORLD_SIZE: `${worldSize}`,
    LOCAL_RANK: `${rank}`,
    LOCAL_WORLD_SIZE: `${worldSize}`,
    MASTER_ADDR: "127.0.0.1",
    MASTER_PORT: `${port}`,
  };
}

/** A port of this machine that is free now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
