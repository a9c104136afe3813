import { appendFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { explainingFullDisk } from "../../files/index.js";
import { type BoardEvent, encodeEvent } from "./event.js";
import { encodeRecord } from "./record.js";

/**
 * A new event file in a directory. TensorBoard reads all files of a directory as one run, in the order of
 * their names.
 */
export class EventFile {
  readonly path: string;

  /** @throws if the directory cannot be written */
  constructor(directory: string) {
    const time = new Date();
    this.path = join(directory, `events.out.tfevents.${time.getTime()}.${hostname()}.${process.pid}`);
    const first = encodeRecord(encodeEvent({ time, fileVersion: "brain.Event:2" }));
    explainingFullDisk(this.path, () => writeFileSync(this.path, first, { flag: "wx" }));
  }

  /** Writes at once: whoever watches sees it, and a killed process leaves whole records. */
  append(event: BoardEvent): void {
    explainingFullDisk(this.path, () => appendFileSync(this.path, encodeRecord(encodeEvent(event))));
  }
}
