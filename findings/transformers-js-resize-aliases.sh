#!/usr/bin/env bash
# The resample number of a preprocessor decides in transformers.js whether an image is smoothed before it shrinks.
#
# Expectation: preprocessor_config.json says "resample": 3, Pillow's number for bicubic. Pillow widens its bicubic (and bilinear) filter
#   by the factor of the reduction, so detail that is finer than a pixel of the result becomes grey. transformers.js, whose processors read
#   the same file, gives about the same pixels, and another filter number changes little.
# Behaviour: in Node, transformers.js hands 2 and 3 to an affine transformation of sharp, which looks at neighbours of single points and
#   does not smooth: stripes of three pixels, reduced to an eighth, come out as full-contrast bands of a false period. With "resample": 1
#   (Lanczos) it calls another function of sharp, which smooths. So photographs that a CLIP of 64 to 224 pixels sees differ from those in
#   Python by what looks like noise, and answers change, although both obey one configuration.
# Versions: @huggingface/transformers 4.3.2 with the sharp that it brings, Pillow 12.0.0.
# Source: Pillow's documentation, "Filters" in its concepts page (filters for downscaling take all pixels into account); sharp's API pages
#   of affine() and resize().
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --ignore-scripts --no-audit --no-fund @huggingface/transformers@4.3.2 > /dev/null 2>&1
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check pillow==12.0.0
cat > contrast.mjs <<'JS'
import { RawImage } from "@huggingface/transformers";
const size = 512;
const stripes = new Uint8ClampedArray(size * size * 3);
for (let i = 0; i < stripes.length; i++) stripes[i] = Math.floor(i / 3) % size % 3 === 0 ? 255 : 0;
const image = new RawImage(stripes, size, size, 3);
const results = [];
for (const resample of [2, 3, 1]) {
  const { data } = await image.resize(64, 64, { resample });
  // Without the rim, where filters see beyond the image.
  const inner = [...data].filter((_, i) => { const x = Math.floor(i / 3) % 64; return x > 3 && x < 60; });
  results.push(Math.max(...inner) - Math.min(...inner));
}
console.log(results.join(" "));
JS
cat > contrast.py <<'PY'
from PIL import Image
image = Image.new("RGB", (512, 512))
image.putdata([(255,) * 3 if i % 512 % 3 == 0 else (0,) * 3 for i in range(512 * 512)])
results = []
for resample in [2, 3, 1]:
    inner = list(image.resize((64, 64), resample).crop((4, 0, 60, 64)).getdata(0))
    results.append(max(inner) - min(inner))
print(*results)
PY
javascript=$(node contrast.mjs)
pillow=$(venv/bin/python -W ignore contrast.py)
echo "versions:   Node $(node --version), @huggingface/transformers 4.3.2, sharp $(node -p "require('./node_modules/sharp/package.json').version"), Pillow 12.0.0"
echo "expected:   stripes of 3 pixels reduced to an eighth are even grey: contrast (of 255) near 0 for resample 2, 3 and 1 in both"
echo "observed:   contrast with resample 2, 3, 1: transformers.js $javascript, Pillow $pillow"
read -r bilinear bicubic lanczos <<< "$javascript"
read -r python_bilinear python_bicubic python_lanczos <<< "$pillow"
[ "$bilinear" -gt 100 ] && [ "$bicubic" -gt 100 ] && [ "$lanczos" -lt 40 ] \
  && [ "$python_bilinear" -lt 40 ] && [ "$python_bicubic" -lt 40 ] && [ "$python_lanczos" -lt 40 ] \
  || { echo "changed" >&2; exit 1; }
