// `node stoppable-runs.mjs DIRECTORY CASES [WAY REPORT [evaluation]]` runs methods on two tiny tasks each,
// alone or as one of a launcher's processes. Cases are methods with options, as JSON. It goes on where an
// earlier one was stopped. At that report of progress in the second task, WAY happens to rank 1: it is asked
// to stop (`stop`), or kills itself (`kill`). With `evaluation` reports are those of the evaluation after
// that task. It prints what each run reported of its second task, and how it ended.
import { join } from "node:path";
import { clip, methods, protocol, torch } from "../../dist/index.js";
import { noise } from "./noise.mjs";

const [directory, list, way, report, phase = "learning"] = process.argv.slice(2);
const { distributed } = torch;
await distributed.init();
const isFirst = distributed.rank() === 0;
const tasks = [noise("bright", ["red", "green", "blue"]), noise("dim", ["dark", "light"])];
const reference = { name: "noise", images: tasks[0].train, texts: ["a photo.", "nothing", "a word"] };
const runs = [];
for (const [i, [name, options]] of JSON.parse(list).entries()) {
  const model = clip.loadModel(join(import.meta.dirname, "../clip/fixtures/quick-gelu"));
  const controller = new AbortController();
  const reports = [];
  let task = -1;
  const reached = (what, done) => {
    if (task !== 1) return;
    reports.push(`${what} ${done}`);
    if (distributed.rank() !== 1 || reports.length !== Number(report)) return;
    if (way === "kill") process.kill(process.pid, "SIGKILL");
    controller.abort(new DOMException("stopped by SIGTERM", "AbortError"));
  };
  const observer = {
    taskStarted(index) {
      task = index;
    },
    trained: (done) => phase === "learning" && reached("training", done),
    worked: (what, done) => phase === "learning" && reached(what, done),
    evaluated: (done) => phase === "evaluation" && reached("evaluation", done),
    taskFinished() {
      task = -1;
    },
  };
  let ending = "finished";
  try {
    await protocol.run({
      name,
      protocol: "x-tail",
      model,
      method: methods.createMethod(name, options, "x-tail"),
      tasks,
      reference,
      seed: 8,
      // Nobody but the first process may touch a directory: here is none.
      directory: isFirst ? join(directory, String(i)) : "/dev/null/nowhere",
      evaluationBatchSize: 3,
      saveEverySeconds: 1e-9, // whenever a part of the work is done
      resume: true,
      observer,
      signal: controller.signal,
    });
  } catch (error) {
    ending = `${error.name}: ${error.message}`;
  }
  runs.push({ reports, ending });
  model.dispose();
}
if (distributed.isInitialized()) await distributed.close();
console.log(JSON.stringify(runs));
