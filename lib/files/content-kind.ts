/** A kind of content that people find in place of what a file is called. */
export interface ContentKind {
  /** Such as "a pointer of Git LFS". */
  readonly name: string;
  /** The way to what is wanted, without a full stop. */
  readonly advice: string;
}

const convert = "convert it to PNG or JPEG";

/** First bytes as Latin-1, or a pattern of a text. Sources: the formats' specifications. */
const kinds: readonly (readonly [beginnings: RegExp | readonly string[], name: string, advice: string])[] = [
  [/^version https:\/\/git-lfs/, "a pointer of Git LFS", "fetch the files with `git lfs pull`"],
  [/^\s*<(!doctype html|html|head|body|\?xml|error)/i, "a web page or XML", "download it again"],
  [/^\s*\{\s*"/, "a JSON text, such as the answer of a server", "download it again"],
  [["\0\0\0\x0cjP  ", "\xff\x4f\xff\x51"], "a JPEG 2000 image", convert],
  [["\0\0\0\x0cJXL ", "\xff\x0a"], "a JPEG XL image", convert],
  [["\xff\xd8\xff\xf7"], "a JPEG-LS image", convert],
  [["\0\0\x01\0"], "a Windows icon", convert],
  [["\0\0\x02\0\0\0\0\0", "\0\0\x0a\0\0\0\0\0", "\0\0\x03\0\0\0\0\0"], "a TGA image", convert],
  [["icns"], "an icon of macOS", convert],
  [["8BPS"], "a Photoshop document", convert],
  [["gimp xcf"], "a GIMP document", convert],
  [["DDS "], "a DDS texture", convert],
  [["qoif"], "a QOI image", convert],
  [["\x0a\x05\x01"], "a PCX image", convert],
  [["\x01\xda\0\x01", "\x01\xda\x01\x01"], "an SGI image", convert],
  [["\x76\x2f\x31\x01"], "an OpenEXR image", convert],
  [/^P[7fF]\s/, "a Netpbm file of another kind than P1 to P6", convert],
  [["%PDF"], "a PDF", convert],
  [["%!PS"], "a PostScript file", convert],
  [["\x93NUMPY"], "a NumPy array", "save it as an image"],
  [["PK\x03\x04", "PK\x05\x06"], "a ZIP archive or a spreadsheet", "unpack or export it"],
  [["\x1f\x8b"], "compressed by gzip", "decompress it with `gunzip`"],
];

/** Brands of the containers that phones and cameras write. Source: ISO/IEC 14496-12. */
const containers: readonly (readonly [brands: RegExp, name: string, advice: string])[] = [
  [/^ftyp(hei|hev|mif1|msf1)/, "a HEIF photo", convert],
  [/^ftypavis/, "a sequence of AVIF images", convert],
  [/^(ftyp(mp4|iso|M4V|qt)|moov|mdat)/, "a video", "save its frames as images"],
];

const longestBeginning = 512;

/**
 * Names a content by its first bytes.
 * @returns undefined for what is none of the kinds that people mix up
 */
export function contentKind(content: Uint8Array): ContentKind | undefined {
  const again = "copy or download it again";
  if (content.length === 0) return { name: "empty", advice: again };
  const text = Buffer.from(content.subarray(0, longestBeginning)).toString("latin1");
  if (text.replaceAll("\0", "") === "") return { name: "nothing but zeros", advice: again };
  const found =
    kinds.find(([beginnings]) =>
      beginnings instanceof RegExp
        ? beginnings.test(text)
        : beginnings.some((bytes) => text.startsWith(bytes)),
    ) ?? containers.find(([brands]) => brands.test(text.slice(4)));
  return found && { name: found[1], advice: found[2] };
}
