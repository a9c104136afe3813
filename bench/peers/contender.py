"""The commands of every contender that trains or classifies; the same as in bench/contenders/codyra.mjs."""

import json
import pathlib

import torch
import weights
from clock import now, own_time
from serve import serve


def serve_contender(create):
    """`create(model_directory, adapters, settings)` returns an object with

    - `parameters`, those that are trained, and `zero_grad()`,
    - `loss(pixels, ids, labels)`, and `update()`, a step of the optimizer,
    - `merge()`, which makes the adapters part of the weights,
    - `encode_texts(ids)` and `encode_images(pixels)`, whose product is the logits.
    """
    run = {}

    def load(directory, inputs, adapters, device, precision, **settings):
        start = now(device)
        path = pathlib.Path(directory)
        tensors = {name: tensor.to(device) for name, tensor in weights.load(path / inputs).items()}
        factors = {name: tensor.to(device) for name, tensor in weights.load(path / adapters).items()} if adapters else {}
        contender = create(path, factors, {"device": device, "precision": precision, **settings})
        run.update(tensors=tensors, contender=contender, device=device, precision=precision)
        trainable = sum(parameter.numel() for parameter in contender.parameters)
        return {"seconds": now(device) - start, "trainable": trainable}

    def step():
        device, contender = run["device"], run["contender"]
        pixels, ids, labels = (run["tensors"][name] for name in ("pixels", "ids", "labels"))
        start = own_time(device)
        contender.zero_grad()
        with torch.autocast(device, torch.bfloat16, enabled=run["precision"] == "bfloat16"):
            loss = contender.loss(pixels, ids, labels)
        loss.backward()
        contender.update()
        value = loss.item()
        return {"seconds": own_time(device) - start, "loss": value}

    def merge():
        start = now(run["device"])
        run["contender"].merge()
        return {"seconds": now(run["device"]) - start}

    @torch.inference_mode()
    def encode_texts():
        start = now(run["device"])
        run["texts"] = run["contender"].encode_texts(run["tensors"]["ids"])
        return {"seconds": now(run["device"]) - start}

    @torch.inference_mode()
    def evaluate(batch_size):
        """Classifies the images; `logits` is their mean for each class."""
        device, tensors = run["device"], run["tensors"]
        scale = torch.tensor([1 / (255 * std) for std in stds], device=device).view(3, 1, 1)
        shift = torch.tensor([-mean / std for mean, std in zip(means, stds)], device=device).view(3, 1, 1)
        start = now(device)
        total = torch.zeros(len(run["texts"]), device=device)
        for images in tensors["images"].split(batch_size):
            pixels = torch.addcmul(shift, images.float(), scale)
            logits = run["contender"].encode_images(pixels) @ run["texts"].T
            total += logits.float().sum(0)
        mean = (total / len(tensors["images"])).tolist()
        return {"seconds": now(device) - start, "logits": mean}

    serve(load=load, step=step, merge=merge, encode_texts=encode_texts, evaluate=evaluate)


# Statistics of the images that OpenAI's models were trained with.
means, stds = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def read_config(directory):
    return json.loads((directory / "config.json").read_text())
