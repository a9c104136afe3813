// `node workers.mjs SEED ROUNDS KIND` ends worker threads at random moments while they use the addon. It
// prints {"ended", "values"}: how many were ended, and what the others computed.
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

const kinds = {
  /** Nothing more than loading the addon, which takes as long as it takes. */
  load: async ({ torch }) => {
    torch.version();
  },
  /** Errors, tensors, and lists, without a pause. */
  calls: ({ torch }) => {
    for (;;) {
      torch.scope(() => {
        const ones = torch.ones([64, 64]);
        torch.cat([torch.mm(ones, ones), ones]);
        try {
          torch.mm(ones, torch.ones([3, 3]));
        } catch {
          // what is tried here
        }
      });
    }
  },
  /** Work on other threads, whose result comes when its worker may be gone. */
  decode: ({ bridge }) => {
    const again = () =>
      bridge()
        .resizeToSquare(new Uint8Array(3 * 400 * 400), 400, 400, 224, 224)
        .then(again, again);
    for (let i = 0; i < 6; i++) again();
  },
  /** Buffers that share the memory of tensors, and errors with a native backtrace. */
  shared: ({ torch }) => {
    const kept = [];
    for (;;) {
      kept.push(torch.ones([1 << 18]).sharedArray());
      if (kept.length > 20) kept.length = 0;
    }
  },
};

if (isMainThread) {
  const [seed, rounds, kind] = [Number(process.argv[2]), Number(process.argv[3]), process.argv[4]];
  let state = seed;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 0) / 2 ** 32;
  };
  let ended = 0;
  for (let i = 0; i < rounds; i++) {
    const workers = Array.from(
      { length: 2 },
      () => new Worker(new URL(import.meta.url), { workerData: { kind } }),
    );
    await Promise.all(
      workers.map(async (worker) => {
        const exited = new Promise((resolve) => worker.once("exit", resolve));
        const started = new Promise((resolve) => worker.once("message", resolve));
        worker.on("error", () => {}); // an error of a worker that ends is none
        // Loading has no beginning that can be told: its end is drawn from the time that it takes.
        if (kind === "load") await new Promise((resolve) => setTimeout(resolve, 300 * random()));
        else await Promise.race([started, exited]);
        await new Promise((resolve) => setTimeout(resolve, 30 * random()));
        await worker.terminate();
        ended++;
      }),
    );
  }
  // The addon still works: several workers compute at once, each with tensors of its own.
  const values = await Promise.all(
    [1, 2, 3].map(
      (value) =>
        new Promise((resolve, reject) => {
          const worker = new Worker(new URL(import.meta.url), { workerData: { kind: "value", value } });
          worker.once("message", resolve);
          worker.once("error", reject);
        }),
    ),
  );
  console.log(JSON.stringify({ ended, values }));
} else {
  const torch = await import("../../../dist/torch/index.js");
  const { bridge } = await import("../../../dist/torch/bridge.js");
  const { kind, value } = workerData;
  if (kind === "value") {
    let total = 0;
    for (let i = 0; i < 200; i++) total += torch.scope(() => torch.full([100, 300], value).sum().item());
    parentPort.postMessage(total / 200 / 30_000);
  } else {
    if (kind !== "load") bridge().version();
    parentPort.postMessage("started");
    await kinds[kind]({ torch, bridge });
  }
}
