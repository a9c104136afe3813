// Adds up until this rank ends, by the way that its argument says for rank 1.
import * as torch from "../../../../dist/torch/index.js";

const { distributed } = torch;
torch.ones([1]); // loads libtorch before the group begins, as the command line does
await distributed.init();
const isOne = distributed.rank() === 1;
const [way] = process.argv.slice(2);
try {
  for (let i = 0; ; i++) {
    if (i === 3) console.log("going");
    if (i === 5 && isOne && way === "fails") throw new Error("the disk is full.");
    if (i === 5 && isOne && way === "stops") throw new DOMException("stopped by SIGINT", "AbortError");
    distributed.allReduce(torch.tensor([i]));
    // The rank that is killed may be waited for in a collective or not; a slow one is alive.
    if (way === "killed" && distributed.rank() === 2)
      await new Promise((resolve) => setTimeout(resolve, 300));
  }
} catch (error) {
  distributed.leave(error);
  console.log(JSON.stringify({ name: error.name, message: error.message }));
}
