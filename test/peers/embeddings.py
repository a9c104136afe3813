"""The other side of embeddings.test.ts.

    embeddings.py read PARQUET NPY SAFETENSORS   rows as pandas, DuckDB, NumPy and safetensors read them
    embeddings.py recall IMAGES TEXTS OWNERS     recall@1, 5, 10 of vectors in .npy files, by sorting every row; open_clip's own of the pairs
    embeddings.py maps AFTER BEFORE              the orthogonal and the least-squares map, by scipy and NumPy
"""

import csv
import json
import sys

import duckdb
import numpy as np
import pandas
import torch
from open_clip_train.train import get_clip_metrics
from safetensors.numpy import load_file

command, *paths = sys.argv[1:]
ks = [1, 5, 10]


def names(path):
    with open(path, newline="", encoding="utf-8") as file:
        return [[row["name"], row["label"]] for row in csv.DictReader(file)]


def recall(scores, is_right):
    order = np.argsort(-scores, axis=1)
    hits = np.take_along_axis(is_right, order, axis=1)
    return [float(hits[:, :k].any(axis=1).mean()) for k in ks]


if command == "read":
    parquet, npy, safetensors = paths
    frame = pandas.read_parquet(parquet)
    query = f"select name, label, vector from read_parquet('{parquet}')"
    rows = duckdb.sql(query).fetchall()
    kinds = [str(kind) for kind in duckdb.sql(query).types]
    print(
        json.dumps(
            {
                "pandas": [frame.name.tolist(), frame.label.tolist(), np.stack(frame.vector).tolist()],
                "duckdb": [list(map(list, zip(*rows)))[:2], [list(row[2]) for row in rows], kinds],
                "npy": [names(npy.replace(".npy", ".csv")), np.load(npy).tolist()],
                "safetensors": [names(safetensors.replace(".safetensors", ".csv")), load_file(safetensors)["vectors"].tolist()],
            }
        )
    )
elif command == "recall":
    images, texts, owners = np.load(paths[0]), np.load(paths[1]), np.array(json.loads(paths[2]))
    scores = texts.astype(np.float64) @ images.astype(np.float64).T
    is_own = owners[:, None] == np.arange(len(images))[None]
    first = [int(np.flatnonzero(owners == image)[0]) for image in range(len(images))]
    pairs = get_clip_metrics(torch.tensor(images), torch.tensor(texts[first]), torch.tensor(1.0))
    print(
        json.dumps(
            {
                "textToImage": recall(scores, is_own),
                "imageToText": recall(scores.T, is_own.T),
                "pairs": {key: float(value) for key, value in pairs.items()},
                "first": first,
            }
        )
    )
else:
    after, before = (np.load(path).astype(np.float64) for path in paths)
    u, _, vh = np.linalg.svd(after.T @ before)
    print(json.dumps({"orthogonal": (u @ vh).tolist(), "leastSquares": np.linalg.lstsq(after, before, rcond=None)[0].tolist()}))
