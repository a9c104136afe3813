import { torch } from "../../dist/index.js";

const size = 2048;
const rounds = 5;

/**
 * Floating-point operations of an image's matrix products in a vision transformer with a class token. The
 * last block computes its output projection and feed-forward half for that token alone.
 */
export function imageFlops({ vision, embedDim }) {
  const { width, mlpWidth, layers, patchSize, imageSize } = vision;
  const patches = Math.floor(imageSize / patchSize) ** 2;
  const positions = patches + 1;
  const qkv = 3 * width ** 2;
  const rest = width ** 2 + 2 * width * mlpWidth;
  const attention = 2 * positions ** 2 * width; // scores, and what they weigh
  const blocks = layers * (positions * qkv + attention) + ((layers - 1) * positions + 1) * rest;
  const ends = patches * 3 * patchSize ** 2 * width + width * embedDim;
  return 2 * (blocks + ends);
}

/** GFLOP/s of one core in large products, of processor time: other work on the machine changes it little. */
export function productRate(dtype) {
  const threads = torch.numThreads();
  torch.setNumThreads(1);
  try {
    return torch.inferenceMode(() => torch.scope(() => measureRate(dtype)));
  } finally {
    torch.setNumThreads(threads);
  }
}

function measureRate(dtype) {
  const [x, weight] = [torch.randn([size, size]).to({ dtype }), torch.randn([size, size])];
  const packed = torch.packLinearWeight(weight, size, { dtype });
  torch.packedLinear(x, packed, null).dispose();
  const rates = Array.from({ length: rounds }, () => {
    const before = process.cpuUsage();
    torch.packedLinear(x, packed, null).dispose();
    const { user, system } = process.cpuUsage(before);
    return (2 * size ** 3) / (user + system) / 1e3; // operations per microsecond, in thousands
  });
  return rates.sort((a, b) => a - b)[Math.floor(rounds / 2)];
}
