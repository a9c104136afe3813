// Protocol buffers of TensorFlow's event.proto and summary.proto, as far as scalars need them. A field is a
// key, its number and wire type in one varint, and a value; bytes and messages are preceded by their length.
const wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** One record of an event file. */
export interface BoardEvent {
  readonly time: Date;
  readonly step?: number;
  /** The first event of a file has it, and nothing else. */
  readonly fileVersion?: string;
  /** From this step on, earlier files of the run no longer hold. */
  readonly isRestart?: boolean;
  /** Values by tag; a slash in a tag makes groups. */
  readonly scalars?: Readonly<Record<string, number>>;
}

/** @returns a message `Event` */
export function encodeEvent({ time, step = 0, fileVersion, isRestart, scalars }: BoardEvent): Buffer {
  return Buffer.concat([
    double(1, time.getTime() / 1000),
    step === 0 ? nothing : integer(2, step), // zero is what a field that is left out means
    fileVersion === undefined ? nothing : bytes(3, Buffer.from(fileVersion)),
    scalars === undefined ? nothing : bytes(5, Buffer.concat(Object.entries(scalars).map(summaryValue))),
    isRestart ? bytes(7, integer(1, sessionStart)) : nothing,
  ]);
}

const nothing = Buffer.alloc(0);
const sessionStart = 1; // SessionLog.START

function summaryValue([tag, value]: [string, number]): Buffer {
  return bytes(1, Buffer.concat([bytes(1, Buffer.from(tag)), float(2, value)]));
}

function key(field: number, type: number): Buffer {
  return varint(field * 8 + type);
}

/** @param value a safe integer, not negative */
function varint(value: number): Buffer {
  const groups: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) groups.push((rest % 128) + 128);
  return Buffer.from([...groups, rest]);
}

function integer(field: number, value: number): Buffer {
  return Buffer.concat([key(field, wire.varint), varint(value)]);
}

function bytes(field: number, value: Buffer): Buffer {
  return Buffer.concat([key(field, wire.bytes), varint(value.length), value]);
}

function double(field: number, value: number): Buffer {
  const encoded = Buffer.alloc(8);
  encoded.writeDoubleLE(value);
  return Buffer.concat([key(field, wire.fixed64), encoded]);
}

function float(field: number, value: number): Buffer {
  const encoded = Buffer.alloc(4);
  encoded.writeFloatLE(value);
  return Buffer.concat([key(field, wire.fixed32), encoded]);
}
