/**
 * Microseconds of a call in one of the loops below.
 * @param torch codyra's torch, from the build that the loop belongs to
 */
export function microsecondsPerCall(torch, loop, calls, device) {
  const now = () => {
    if (device !== "cpu") torch.cuda.synchronize();
    return performance.now();
  };
  const start = now();
  loop(calls);
  return ((now() - start) / calls) * 1000;
}

/**
 * Spelled out, as a user would write them and as `timeit` inlines the peer's: a closure per call would be
 * measured too.
 * @param torch codyra's torch, from any build
 */
export function operatorLoops(torch, device) {
  const a = torch.randn([8, 8], { device });
  const b = torch.randn([8, 8], { device });
  const weight = torch.randn([8], { device });
  const bias = torch.randn([8], { device });
  return {
    add(calls) {
      for (let i = 0; i < calls; i++) torch.add(a, b).dispose();
    },
    mul(calls) {
      for (let i = 0; i < calls; i++) torch.mul(a, b).dispose();
    },
    mm(calls) {
      for (let i = 0; i < calls; i++) torch.mm(a, b).dispose();
    },
    linear(calls) {
      for (let i = 0; i < calls; i++) torch.nn.functional.linear(a, b, bias).dispose();
    },
    layer_norm(calls) {
      for (let i = 0; i < calls; i++) torch.nn.functional.layerNorm(a, [8], { weight, bias }).dispose();
    },
  };
}
