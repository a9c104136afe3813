"""One evaluation as after a task by `transformers` in inference mode: prints what bench/contenders/evaluation.mjs does.

    evaluation.py SETTINGS   in JSON: model, inputs, datasets, classes, batchSize, threads, precision
"""

import json
import os
import pathlib
import sys
import time

import torch
import torch.nn.functional as F
import weights
from contender import means, stds
from transformers import CLIPModel


@torch.inference_mode()
def evaluate(model, images, ids, datasets, batch_size):
    """Accuracies by dataset, and the class of every image."""
    scale = torch.tensor([1 / (255 * std) for std in stds]).view(3, 1, 1)
    shift = torch.tensor([-mean / std for mean, std in zip(means, stds)]).view(3, 1, 1)
    texts = torch.cat([model.get_text_features(input_ids=part).pooler_output for part in ids.split(100)])
    texts = F.normalize(texts, dim=-1)
    per_dataset, classes = len(images) // datasets, len(ids) // datasets
    accuracies, predicted = [], []
    for i, of_dataset in enumerate(images.split(per_dataset)):
        found = []
        for part in of_dataset.split(batch_size):
            pixels = torch.addcmul(shift, part.float(), scale).to(model.dtype)
            features = F.normalize(model.get_image_features(pixel_values=pixels).pooler_output, dim=-1)
            found.append((features @ texts.T).argmax(1))
        found = torch.cat(found)
        labels = torch.arange(per_dataset) % classes + i * classes
        accuracies.append((found == labels).float().mean().item())
        predicted += found.tolist()
    return accuracies, predicted


if __name__ == "__main__":
    settings = json.loads(sys.argv[1])
    torch.set_num_threads(settings["threads"])
    dtype = getattr(torch, settings["precision"])
    model = CLIPModel.from_pretrained(settings["model"], attn_implementation="sdpa", dtype=dtype).eval()
    inputs = weights.load(pathlib.Path(settings["inputs"]))
    began, used = time.perf_counter(), sum(os.times()[:2])
    accuracies, predicted = evaluate(
        model, inputs["images"], inputs["ids"], settings["datasets"], settings["batchSize"]
    )
    seconds, cpu_seconds = time.perf_counter() - began, sum(os.times()[:2]) - used
    print(json.dumps({"seconds": seconds, "cpuSeconds": cpu_seconds, "accuracies": accuracies, "predicted": predicted}))
