"""Writes images of random sizes and formats, and what Pillow and transformers make of them: pillow.py DIRECTORY COUNT SEED SIZE"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import CLIPImageProcessorPil

FORMATS = [
    ("jpg", "RGB", {"quality": 90}),
    ("jpg", "RGB", {"subsampling": 0, "progressive": True}),
    ("jpg", "L", {}),
    ("jpg", "CMYK", {}),
    ("png", "RGBA", {}),
    ("png", "LA", {}),
    ("png", "P", {}),
    ("png", "1", {}),
    ("tif", "CMYK", {"compression": "tiff_lzw"}),
    ("gif", "P", {}),
    ("webp", "RGB", {}),
]


def noise(random, width, height):
    """Blocks of random size, so that some images are rough and some smooth."""
    block = int(random.integers(1, 12))
    pixels = random.integers(0, 256, (height // block + 1, width // block + 1, 3)).repeat(block, 0).repeat(block, 1)
    return Image.fromarray(pixels[:height, :width].astype(np.uint8))


directory, (count, seed, size) = Path(sys.argv[1]), map(int, sys.argv[2:])
random = np.random.default_rng(seed)
side = {"height": size, "width": size}
process = CLIPImageProcessorPil(size={"shortest_edge": size}, crop_size=side, do_rescale=False, do_normalize=False)
names, tensors = [], {}
for i in range(count):
    extension, mode, options = FORMATS[i % len(FORMATS)]
    width, height = (int(10 ** random.uniform(0.7, 3)) for _ in range(2))
    name = f"{i}-{mode}-{width}x{height}.{extension}"
    noise(random, width, height).convert(mode).save(directory / name, **options)
    with Image.open(directory / name) as opened:
        image = opened.convert("RGB")
    cropped = process(image, return_tensors="np")["pixel_values"][0].astype(np.uint8).transpose(1, 2, 0)
    results = {"decoded": image, "crop": cropped, "stretch": image.resize((size, size), Image.BICUBIC)}
    tensors |= {f"{key} {name}": torch.from_numpy(np.array(result, order="C")) for key, result in results.items()}
    names.append(name)
save_file(tensors, directory / "expected.safetensors")
print(json.dumps(names))
