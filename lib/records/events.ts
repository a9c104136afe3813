import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { explainingFullDisk, writeFileAtomically } from "../files/index.js";
import { parseJson, parseWith } from "./parse.js";

const count = z.int().nonnegative();
const seconds = z.number().nonnegative();
const peaks = { peakResidentBytes: count.optional(), peakDeviceBytes: count.optional() };

/** The kinds that readers look into; a method may log others, with whatever is worth a note. */
const eventSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("step"),
    task: count,
    step: count,
    loss: z.number().nullable(), // JSON has no NaN: a loss that is not finite arrives as null
  }),
  z.object({ kind: z.literal("task-end"), task: count, seconds, ...peaks }),
  z.object({ kind: z.literal("evaluation"), task: z.int().min(-1), seconds, ...peaks }),
]);
const knownKinds: ReadonlySet<unknown> = new Set(eventSchema.options.map(({ shape }) => shape.kind.value));

/** A line of `events.jsonl` as it is written. */
export interface RunEvent {
  readonly kind: string;
  readonly [key: string]: unknown;
}

/** A line as it is read, of a kind that is looked into. */
export type KnownEvent = z.infer<typeof eventSchema>;

/** Appends one line; the file may end in a part of a line when the process is killed, which readers skip. */
export function appendEvent(directory: string, event: RunEvent): void {
  const line = JSON.stringify({ time: new Date().toISOString(), ...event });
  const path = join(directory, "events.jsonl");
  explainingFullDisk(path, () => appendFileSync(path, `${line}\n`), {
    neededBytes: Buffer.byteLength(line) + 1,
  });
}

/** The events of known kinds, in the order of the file. @throws if a line is damaged, naming it */
export function readEvents(directory: string): KnownEvent[] {
  const path = join(directory, "events.jsonl");
  return lines(path).flatMap((line, i) => {
    const source = `${path}:${i + 1}`;
    const event = parseJson(line, source) as { kind?: unknown } | null;
    return knownKinds.has(event?.kind) ? [parseWith(eventSchema, event, source)] : [];
  });
}

/** Removes what a growth of the stream to this many datasets noted before it was cut off. */
export function dropEventsOfGrowth(directory: string, datasets: number): void {
  keepEvents(directory, ({ grownTo }) => grownTo !== datasets);
}

/**
 * Removes the events of tasks that will be done again, or only those of one kind, so that no step stands
 * twice.
 */
export function dropEventsFrom(directory: string, task: number, kind?: string): void {
  keepEvents(directory, (event) => {
    const isDoneAgain = event.task !== undefined && event.task >= task;
    return !isDoneAgain || (kind !== undefined && event.kind !== kind);
  });
}

function keepEvents(directory: string, isKept: (event: ParsedLine) => boolean): void {
  const path = join(directory, "events.jsonl");
  if (!existsSync(path)) return;
  const kept = readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => {
      const event = parseLine(line);
      return event !== undefined && isKept(event);
    });
  writeFileAtomically(path, kept.map((line) => `${line}\n`).join(""));
}

/**
 * The complete lines of a file. After the last line break comes nothing, or a line whose writing was
 * interrupted.
 */
function lines(path: string): string[] {
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : [];
}

interface ParsedLine {
  readonly kind?: string;
  readonly task?: number;
  readonly grownTo?: number;
}

/** An event; `undefined` for the last line where it was cut off when the process was killed. */
function parseLine(line: string): ParsedLine | undefined {
  try {
    return JSON.parse(line) as ParsedLine;
  } catch {
    return undefined;
  }
}
