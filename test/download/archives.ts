import { crc32, deflateRawSync, gzipSync } from "node:zlib";
import { Header, type HeaderData } from "tar";

/** An entry of an archive; a name that ends in a slash is a folder. */
export interface TestEntry {
  readonly name: string;
  readonly content?: Buffer | string;
  /** Makes it a symbolic or, in tar files, a hard link. */
  readonly link?: "SymbolicLink" | "Link";
  readonly mode?: number;
}

/** A tar file, byte by byte, so that it can hold what no tool would write. */
export function tarFile(entries: readonly TestEntry[]): Buffer {
  const blocks = entries.flatMap(({ name, content = "", link, mode = 0o644 }) => {
    const bytes = Buffer.from(content);
    const type: HeaderData["type"] = link ?? (name.endsWith("/") ? "Directory" : "File");
    const header = Buffer.alloc(512);
    new Header({
      path: name,
      type,
      mode,
      size: link ? 0 : bytes.length,
      linkpath: link && "/etc/passwd",
    }).encode(header);
    const padding = Buffer.alloc((512 - (bytes.length % 512)) % 512);
    return link ? [header] : [header, bytes, padding];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

export function tarGzFile(entries: readonly TestEntry[]): Buffer {
  return gzipSync(tarFile(entries));
}

/** A zip file as the tools of Unix write it. @param method 0: stored, 8: deflated */
export function zipFile(entries: readonly TestEntry[], method: 0 | 8 = 8): Buffer {
  const [locals, centrals]: [Buffer[], Buffer[]] = [[], []];
  let offset = 0;
  for (const { name, content = "", link } of entries) {
    const [path, bytes] = [Buffer.from(name), Buffer.from(content)];
    const data = method === 8 ? deflateRawSync(bytes) : bytes;
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0); // version needed
    common.writeUInt16LE(method, 4);
    common.writeUInt32LE(crc32(bytes), 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(path.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), common, path, data]);
    const attributes = Buffer.alloc(14);
    attributes.writeUInt32LE(((link ? 0o120777 : 0o100644) << 16) >>> 0, 6);
    attributes.writeUInt32LE(offset, 10);
    centrals.push(Buffer.from("PK\x01\x02"), Buffer.of(20, 3), common, attributes, path);
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(centrals);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
}
