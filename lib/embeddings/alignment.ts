import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";

/**
 * The orthogonal matrix R that minimises `‖X R − Y‖`: R = U Vᵀ for `Xᵀ Y = U S Vᵀ`. Schönemann, Psychometrika
 * 31 (1966).
 * @param x `[n, D]`   @param y `[n, D]`   @returns `[D, D]`
 */
export function orthogonalMap(x: Tensor, y: Tensor): Tensor {
  return torch.noGrad(() =>
    torch.scope(() => {
      const [u, , vh] = torch.linalgSvd(x.t().mm(y).double(), false);
      return u.mm(vh).float();
    }),
  );
}

/**
 * The matrix W that minimises `‖X W − Y‖² + λ n ‖W‖²`.
 * @param x `[n, D]`
 * @param y `[n, D]`
 * @param ridge λ, which keeps W finite where rows are few
 * @returns `[D, D]`
 */
export function leastSquaresMap(x: Tensor, y: Tensor, ridge = 1e-6): Tensor {
  return torch.noGrad(() =>
    torch.scope(() => {
      const [n, width] = [x.size(0), x.size(1)];
      const wide = x.double();
      const gram = wide
        .t()
        .mm(wide)
        .add(torch.eye(width, { dtype: "float64", device: x.device }).mul(ridge * n));
      return torch.linalgSolve(gram, wide.t().mm(y.double())).float();
    }),
  );
}
