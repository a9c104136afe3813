// Prints the result of each collective on this rank, as JSON.
import * as torch from "../../../../dist/torch/index.js";

const { distributed } = torch;
await distributed.init();
const rank = distributed.rank();
const vector = () => torch.tensor([rank + 1, 10 * (rank + 1)], { dtype: "float32" });

const reduced = (operation) => {
  const tensor = vector();
  distributed.allReduce(tensor, operation);
  return tensor.toArray();
};
const fromLast = vector();
distributed.broadcast(fromLast, distributed.worldSize() - 1);
const works = Array.from({ length: 5 }, (_, i) => {
  const tensor = torch.tensor([i]);
  return { tensor, work: distributed.startAllReduce(tensor) };
});
const waitedFor = [distributed.collectivesInFlight()];
for (const { work } of works) await work.done();
waitedFor.push(distributed.collectivesInFlight());

let refusal = "";
try {
  distributed.allReduce(torch.zeros([2, 3]).t());
} catch (error) {
  refusal = error.message;
}

// Seven rows among the processes; each row's loss is the square of its feature times the sum of all.
const weight = torch.tensor([[2]], { dtype: "float32" }).requiresGrad_();
const inputs = torch.arange(7).float().unsqueeze(1);
const features = distributed.encodeRows(inputs, (rows) => rows.matmul(weight), {
  width: 1,
  dtype: "float32",
  device: "cpu",
});
features.square().sum().mul(features.sum()).backward();
const gradient = weight.grad ?? torch.zeros([1, 1]);
distributed.allReduce(gradient);

let turns = 0;
const timer = setInterval(() => turns++, 5);
if (rank === 0) await new Promise((resolve) => setTimeout(resolve, 100));
await distributed.barrier();
clearInterval(timer);

const result = {
  rank,
  members: distributed.members().map(({ pid }) => pid),
  sum: reduced("sum"),
  avg: reduced("avg"),
  max: reduced("max"),
  fromLast: fromLast.toArray(),
  gathered: distributed.allGather(vector()).toArray(),
  inFlight: works.map(({ tensor }) => Number(tensor.item())),
  said: distributed.broadcastObject(rank === 1 ? { text: "ü", list: [1, null] } : undefined, 1),
  all: distributed.allGatherObjects(rank === 0 ? undefined : "x".repeat(rank)).map((each) => each ?? null),
  refusal,
  features: features.toArray().flat(),
  gradient: gradient.item(),
  turned: turns > 0,
};
distributed.startAllReduce(torch.zeros([1])); // nobody waits for it
const closing = await distributed.close().catch(({ message }) => message);
console.log(
  JSON.stringify({ ...result, waitedFor, closing, after: [distributed.rank(), distributed.worldSize()] }),
);
