"""Writes images of random sizes and formats, and what Pillow and transformers make of them: pillow.py DIRECTORY COUNT SEED SIZE"""

import json
import struct
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
    ("webp", "RGBA", {"lossless": True}),
    ("tif", "RGB", {"tiffinfo": {274: 6}}),  # turned by Pillow itself when it is read
    ("bmp", "RGB", {}),
    ("bmp", "RGBA", {}),
    ("bmp", "L", {}),
    ("bmp", "P", {}),
    ("bmp", "1", {}),
    ("ppm", "RGB", {}),
    ("pgm", "L", {}),
    ("pbm", "1", {}),
]


def noise(random, width, height):
    """Blocks of random size, so that some images are rough and some smooth."""
    block = int(random.integers(1, 12))
    pixels = random.integers(0, 256, (height // block + 1, width // block + 1, 3)).repeat(block, 0).repeat(block, 1)
    return Image.fromarray(pixels[:height, :width].astype(np.uint8))


def bmp(bits, rows, compression=0, palette=None, masks=(), height=5):
    """7 × 5 pixels."""
    between = struct.pack(f"<{len(masks)}I", *masks) + (b"" if palette is None else palette.tobytes())
    offset = 54 + len(between)
    file = struct.pack("<2sIHHI", b"BM", offset + len(rows), 0, 0, offset)
    colors = 0 if palette is None else len(palette)
    return file + struct.pack("<IiiHHIIiiII", 40, 7, height, 1, bits, compression, len(rows), 0, 0, colors, 0) + between + rows


def by_hand(random):
    """Files that Pillow reads and does not write: runs, few bits, texts, other largest values, 16 bits."""
    values = random.integers(0, 101, 3 * 7 * 5)
    text = " ".join(map(str, values))
    bits = "".join(map(str, values[:35] % 2))
    wide = (values * 650).astype(">u2").tobytes()
    rle = bytes([3, 7, 0, 4, 1, 2, 3, 4, 0, 0, 2, 9, 0, 2, 1, 1, 4, 5, 0, 0, 0, 3, 8, 9, 8, 0, 0, 0, 7, 2, 0, 1])
    rle4 = bytes([3, 0x12, 0, 4, 0x34, 0x56, 0, 0, 4, 0x9A, 0, 0, 7, 0x55, 0, 0, 7, 0x1F, 0, 0, 7, 0x60, 0, 1])
    palette = random.integers(0, 256, (256, 4)).astype(np.uint8)
    rows16 = random.integers(0, 65536, (5, 8)).astype("<u2").tobytes()
    return {
        "runs.bmp": bmp(8, rle, 1, palette=palette),
        "runs4.bmp": bmp(4, rle4, 2, palette=palette[:16]),
        "four.bmp": bmp(4, random.integers(0, 256, 5 * 4).astype(np.uint8).tobytes(), palette=palette[:16]),
        "few.bmp": bmp(8, random.integers(0, 5, 5 * 8).astype(np.uint8).tobytes(), palette=palette[:5]),
        "555.bmp": bmp(16, rows16),
        "565.bmp": bmp(16, rows16, 3, masks=(0xF800, 0x7E0, 0x1F)),
        "down.bmp": bmp(24, random.integers(0, 256, 5 * 24).astype(np.uint8).tobytes(), height=-5),
        "masks.bmp": bmp(32, random.integers(0, 256, 5 * 28).astype(np.uint8).tobytes(), 3, masks=(0xFF000000, 0xFF0000, 0xFF00)),
        "bits.pbm": f"P1\n# made by hand\n7 5\n{bits}\n".encode(),
        "text.pgm": f"P2 7 5 100\n{' '.join(map(str, values[:35]))}\n".encode(),
        "text.ppm": f"P3\n7 5\n100\n{text}\n".encode(),
        "grey.pgm": b"P5 7 5 100\n" + values[:35].astype(np.uint8).tobytes(),
        "color.ppm": b"P6\n7 5 # comment\n100\n" + values.astype(np.uint8).tobytes(),
        "wide.pgm": b"P5 7 5 65535\n" + wide[:70],
        "wide.ppm": b"P6 7 5 65535\n" + wide,
    }


directory, (count, seed, size) = Path(sys.argv[1]), map(int, sys.argv[2:])
random = np.random.default_rng(seed)
side = {"height": size, "width": size}
process = CLIPImageProcessorPil(size={"shortest_edge": size}, crop_size=side, do_rescale=False, do_normalize=False)
names, tensors = [], {}
for i in range(count):
    extension, mode, options = FORMATS[i % len(FORMATS)]
    width, height = (int(10 ** random.uniform(0.7, 3)) for _ in range(2))
    name = f"{i}-{mode}-{width}x{height}.{extension}"
    picture = noise(random, width, height).convert(mode)
    if mode in ("RGBA", "LA"):
        picture.putalpha(noise(random, width, height).convert("L"))
    picture.save(directory / name, **options)
    with Image.open(directory / name) as opened:
        image = opened.convert("RGB")
        white = Image.alpha_composite(Image.new("RGBA", opened.size, "white"), opened.convert("RGBA")).convert("RGB")
    cropped = process(image, return_tensors="np")["pixel_values"][0].astype(np.uint8).transpose(1, 2, 0)
    results = {"decoded": image, "white": white, "crop": cropped, "stretch": image.resize((size, size), Image.BICUBIC)}
    tensors |= {f"{key} {name}": torch.from_numpy(np.array(result, order="C")) for key, result in results.items()}
    names.append(name)
for name, content in by_hand(random).items():
    (directory / name).write_bytes(content)
    with Image.open(directory / name) as opened:
        tensors[f"by hand {name}"] = torch.from_numpy(np.array(opened.convert("RGB"), order="C"))
save_file(tensors, directory / "expected.safetensors")
print(json.dumps(names))
