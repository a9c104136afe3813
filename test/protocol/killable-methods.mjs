// `node killable-methods.mjs DIRECTORY METHODS [kill]` runs methods, given with options as JSON, one after
// another on two tiny tasks. It goes on where an earlier process was killed. With `kill`, the process kills
// itself within the second task of each method, once; with a number, at that report of progress.
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { clip, data, methods, protocol } from "../../dist/index.js";

const [directory, list, kill] = process.argv.slice(2);
const tasks = [noise("bright", ["red", "green", "blue"]), noise("dim", ["dark", "light"])];
const reference = { name: "noise", images: tasks[0].train, texts: ["a photo.", "nothing"] };

for (const [i, [name, options]] of JSON.parse(list).entries()) {
  const model = clip.loadModel(join(import.meta.dirname, "../clip/fixtures/quick-gelu"));
  const mark = join(directory, `${i}.killed`);
  let task = -1;
  let reports = 0;
  const strikes = (isTraining) => (kill === "kill" ? isTraining : ++reports === Number(kill));
  const strike = (isTraining) => {
    if (kill === undefined || task < 1 || existsSync(mark) || !strikes(isTraining)) return;
    writeFileSync(mark, "");
    process.kill(process.pid, "SIGKILL");
  };
  await protocol.run({
    name,
    protocol: "x-tail",
    model,
    method: methods.createMethod(name, options, "x-tail"),
    tasks,
    reference,
    seed: 8,
    directory: join(directory, String(i)),
    resume: true,
    saveEverySeconds: 1e-9, // whenever a part of the work is done
    observer: {
      taskStarted(index) {
        task = index;
      },
      trained: () => strike(true),
      evaluated: () => strike(true),
      worked: () => strike(false),
    },
  });
  model.dispose();
}

/** Images that differ in their brightest channel. */
function noise(name, classes) {
  const [size, perClass] = [32, 4];
  const part = (split) => {
    const random = new data.Random(`${name}/${split}`);
    const labels = classes.flatMap((_, label) => Array.from({ length: perClass }, () => label));
    const pixels = labels.flatMap((label) =>
      Array.from({ length: size * size * 3 }, (_, i) => random.uniform(0, i % 3 === label ? 255 : 100)),
    );
    return { images: Uint8Array.from(pixels), labels: Int32Array.from(labels) };
  };
  return data.taskFromArrays({
    name,
    classes,
    templates: ["a {} photo."],
    size,
    train: part("train"),
    test: part("test"),
  });
}
