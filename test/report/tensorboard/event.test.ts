import { expect, it } from "vitest";
import { encodeEvent } from "../../../lib/report/tensorboard/event.js";

const time = new Date(1_700_000_000_500);

// The bytes are those of tensorboard.compat.proto.event_pb2.Event(...).SerializeToString().
it.each([
  [
    "scalars",
    { time, step: 300, scalars: { "train/loss": 0.5, "accuracy/κ": -2 } },
    "0900002040fc54d94110ac022a270a110a0a747261696e2f6c6f7373150000003f0a120a0b61636375726163792fceba15000000c0",
  ],
  [
    "the first event of a file",
    { time, fileVersion: "brain.Event:2" },
    "0900002040fc54d9411a0d627261696e2e4576656e743a32",
  ],
  [
    "a restart at step 2⁴⁰ + 5",
    { time, step: 2 ** 40 + 5, isRestart: true },
    "0900002040fc54d941108580808080203a020801",
  ],
])("encodes %s as Python's protobuf does", (_name, event, expected) => {
  expect(encodeEvent(event).toString("hex")).toBe(expected);
});
