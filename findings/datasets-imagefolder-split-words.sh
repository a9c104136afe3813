#!/usr/bin/env bash
# The imagefolder of Hugging Face datasets takes a class called "train interior" for the training split.
#
# Expectation: a folder for each class is read as those classes, as torchvision's ImageFolder reads it. In train/CLASS and test/CLASS
#   the first folder decides which split an image belongs to, and nothing is in both.
# Behaviour: the words train, test, evaluation and their like are looked for in every folder's name, also in those of classes, between any of
#   " ", "-", "_", "." and digits. With one folder per class, a class such as "train interior" (SUN397), "train" (CIFAR-100) or
#   "test tube" becomes the only split: all other classes are gone, and if it is alone its labels as well. With train/CLASS and test/CLASS,
#   the test images of "train interior" are in the training split too, and its training images are there twice. Nothing is said.
# Versions: datasets 5.2.0, Pillow 12.3.0.
# Source: the documentation of ImageFolder ("Create an image dataset") and of split names; the patterns of datasets.data_files.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check datasets==5.2.0 pillow==12.3.0
cat > read.py <<'PY'
import os
import datasets
from PIL import Image

datasets.disable_progress_bars()


def splits(root, folders):
    """{split: {folder: images}}, of four images in every folder."""
    for folder in folders:
        os.makedirs(f"{root}/{folder}")
        for i in range(4):
            Image.new("RGB", (8, 8), (i, 0, 0)).save(f"{root}/{folder}/{i}.png")
    read = {}
    for split, images in datasets.load_dataset("imagefolder", data_dir=root, cache_dir="cache").items():
        counts = read.setdefault(split, {})
        for image in images.cast_column("image", datasets.Image(decode=False)):
            folder = os.path.relpath(os.path.dirname(image["image"]["path"]), os.path.abspath(root))
            counts[folder] = counts.get(folder, 0) + 1
    return read


flat = splits("flat", ["abbey", "airport", "train_interior"])
nested = splits("nested", [f"{part}/{name}" for part in ("train", "test") for name in ("abbey", "train_interior")])
print(f"versions:   datasets {datasets.__version__}")
print("expected:   flat: 12 images of 3 classes; nested: train and test with 4 images of each of 2 classes")
print(f"observed:   flat: {flat}")
print(f"            nested: {nested}")
lost = flat == {"train": {"train_interior": 4}}
leaked = nested["train"].get("test/train_interior") == 4 and nested["train"].get("train/train_interior") == 8
raise SystemExit(0 if lost and leaked else "changed")
PY
HF_HUB_OFFLINE=1 venv/bin/python -W ignore read.py
