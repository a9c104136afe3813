"""Zero-shot classification as a user of transformers writes it. A line of JSON per image: its scores by label.

    classify.py MODEL LABELS TEMPLATE BATCH_SIZE WORKERS IMAGE...   LABELS is a file with one on each line; IMAGE may be a folder
"""

import json
import os
import sys

from transformers import pipeline


def files(places):
    for place in places:
        if os.path.isdir(place):
            yield from (os.path.join(place, name) for name in sorted(os.listdir(place)))
        else:
            yield place


if __name__ == "__main__":
    model, labels, template, batch_size, workers, *places = sys.argv[1:]
    with open(labels) as file:
        names = file.read().split("\n")
    classify = pipeline("zero-shot-image-classification", model=model)
    paths = list(files(places))
    options = {"batch_size": int(batch_size), "num_workers": int(workers)} if len(paths) > 1 else {}
    found = classify(paths, candidate_labels=names, hypothesis_template=template, **options)
    for answers in found:
        print(json.dumps({answer["label"]: answer["score"] for answer in answers}))
