// A thousand all-gathers under noGrad, whose results outlive the calls: how many were issued, by c10d's own
// count, and how many results were right.

import * as torch from "../../../../dist/torch/index.js";
import { callOperator } from "../../../../dist/torch/index.js";

const { distributed } = torch;
await distributed.init();
const size = distributed.worldSize();
let right = 0;
torch.noGrad(() => {
  for (let i = 0; i < 1000; i++) {
    torch.scope(() => {
      const own = torch.tensor([1000 * distributed.rank() + i], { dtype: "int64" });
      const all =
        i % 2 === 0
          ? distributed.allGather(own)
          : callOperator(
              "_c10d_functional::wait_tensor",
              callOperator("_c10d_functional::all_gather_into_tensor", own, size, "codyra", { unsafe: true }),
              { unsafe: true },
            );
      const values = all.toArray().map(Number);
      if (values.every((value, rank) => value === 1000 * rank + i)) right++;
    });
  }
});
const issued = distributed.collectivesIssued();
await distributed.close();
console.log(JSON.stringify({ right, issued }));
