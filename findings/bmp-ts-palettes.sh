#!/usr/bin/env bash
# bmp-ts gives right colours for bitmaps of 24 bits and wrong ones for bitmaps with a palette.
#
# Expectation: decode(buffer, { toRGBA: true }) answers red, green, blue, alpha for every kind of bitmap; a palette is only another way to
#   write the same pixels, and Paint, scanners and label printers write bitmaps of 1 and 8 bits to this day.
# Behaviour: with 8 bits the option is not looked at: bytes come as alpha, blue, green, red, so that red is read as black and blue as
#   green. With 1 bit, white pixels come out as white, yellow, magenta or cyan, by where they stand. Nothing is thrown, so a classifier sees false colours.
# Versions: bmp-ts 1.0.9, the newest; Pillow 12.0.0 writes the bitmaps and reads them as they were drawn.
# Source: the README of bmp-ts, "toRGBA" (switches the output from ABGR to RGBA).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --ignore-scripts --no-audit --no-fund bmp-ts@1.0.9 > /dev/null
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check pillow==12.0.0
cat > draw.py <<'PY'
from PIL import Image

colours = [(255, 0, 0), (0, 0, 255)]
Image.frombytes("RGB", (2, 1), bytes(sum(colours, ()))).save("bits24.bmp")
palette = Image.new("P", (2, 1))
palette.putpalette(list(sum(colours, ())) + [0] * 762)
palette.putpixel((1, 0), 1)
palette.save("bits8.bmp")
Image.new("1", (8, 1), 1).save("bits1.bmp")
for name in ("bits24", "bits8", "bits1"):
    image = Image.open(f"{name}.bmp").convert("RGB")
    print(*[",".join(map(str, image.getpixel((x, 0)))) for x in range(image.width)])
PY
cat > read.mjs <<'JS'
import { readFileSync } from "node:fs";
import { decode } from "bmp-ts";
for (const name of ["bits24", "bits8", "bits1"]) {
  const { data, width } = decode(readFileSync(`${name}.bmp`), { toRGBA: true });
  console.log(Array.from({ length: width }, (_, x) => [...data.subarray(4 * x, 4 * x + 3)].join(",")).join(" "));
}
JS
mapfile -t pillow < <(venv/bin/python draw.py)
mapfile -t bmp < <(node read.mjs)
echo "versions:   Node $(node --version), bmp-ts 1.0.9, Pillow 12.0.0"
echo "expected:   red and blue with 24 bits, the same with 8 bits, eight white pixels with 1 bit"
for i in 0 1 2; do echo "observed:   bmp-ts ${bmp[$i]}   Pillow ${pillow[$i]}"; done
[ "${bmp[0]}" = "${pillow[0]}" ] && [ "${bmp[1]}" != "${pillow[1]}" ] && [ "${bmp[2]}" != "${pillow[2]}" ] || { echo "changed" >&2; exit 1; }
