import { open } from "node:fs/promises";
import type { Example } from "../types.js";
import type { Shard } from "./shards.js";
import type { TarMember } from "./tar.js";

/** An image in a shard. */
export class TarExample implements Example {
  constructor(
    readonly shard: Shard,
    readonly member: TarMember,
    readonly label: number,
  ) {}

  get file(): string {
    return this.shard.file;
  }

  get name(): string {
    return `${this.shard.name}/${this.member.path}`;
  }

  async read(): Promise<Uint8Array> {
    const { offset, size } = this.member;
    const handle = await open(this.file);
    try {
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafeSlow(size), 0, size, offset);
      if (bytesRead === size) return buffer;
    } finally {
      await handle.close();
    }
    throw new Error(
      `${this.name}: expected ${size} bytes at ${offset}, got the end of ${this.file}. Copy it again.`,
    );
  }
}
