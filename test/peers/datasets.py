"""Prints what torchvision reads from a root of datasets, and how the MTIL benchmark splits those without an official split."""

import json
import os
import sys

import torch
import torchvision_without_cuda  # noqa: F401
from torchvision import datasets

root = sys.argv[1]


def official(make, train, test):
    parts = {}
    for part, split in [("train", train), ("test", test)]:
        dataset = make(root, **split)
        parts[part] = [[os.path.relpath(path, root), label] for path, label in zip(files(dataset), labels(dataset))]
    return {"classes": dataset.classes, **parts}


def files(dataset):
    return getattr(dataset, "_image_files", None) or dataset._images


def labels(dataset):
    return dataset._labels


def drawn(dataset, items):
    size = int(0.8 * len(items))
    generator = torch.Generator().manual_seed(42)
    parts = torch.utils.data.random_split(range(len(items)), [size, len(items) - size], generator=generator)
    train, test = ([items[i] for i in sorted(part.indices)] for part in parts)
    return {"train": train, "test": test}


def caltech101():
    dataset = datasets.Caltech101(root)
    items = [
        [f"caltech101/101_ObjectCategories/{dataset.categories[label]}/image_{index:04d}.jpg", label]
        for index, label in zip(dataset.index, dataset.y)
    ]
    return {"classes": dataset.categories, **drawn(dataset, items)}


def eurosat():
    dataset = datasets.EuroSAT(root)
    items = [[os.path.relpath(path, root), label] for path, label in dataset.samples]
    return {"classes": dataset.classes, **drawn(dataset, items)}


def mnist():
    parts = {}
    for part, train in [("train", True), ("test", False)]:
        dataset = datasets.MNIST(root, train=train)
        parts[part] = [[list(image.convert("RGB").tobytes()), label] for image, label in dataset]
    return {"classes": dataset.classes, **parts}


TRAIN, TEST = {"split": "train"}, {"split": "test"}
print(
    json.dumps(
        {
            "aircraft": official(datasets.FGVCAircraft, TRAIN, TEST),
            "caltech101": caltech101(),
            "dtd": official(datasets.DTD, TRAIN, TEST),
            "eurosat": eurosat(),
            "food101": official(datasets.Food101, TRAIN, TEST),
            "mnist": mnist(),
            "oxford_pets": official(datasets.OxfordIIITPet, {"split": "trainval"}, TEST),
        }
    )
)
