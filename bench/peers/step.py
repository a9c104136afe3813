"""One training step, written the plain way: see clip.py. Draws weights and inputs and leaves them for bench/step.mjs."""

import json
import pathlib
import time

import torch
import torch.nn.functional as F
import weights
from clip import Clip, TextModel, contrastive_loss
from serve import serve

start_of_text = 49406
adapter_parameters = ("lora_a", "lora_b", "importance")
run = {}


def is_adapter(name):
    return name.rpartition(".")[2] in adapter_parameters


def draw_weights(model):
    """Pre-trained CLIP has a logit scale of 100. B is not zero, so that A and the importance weights get gradients at once."""
    for name, parameter in model.named_parameters():
        if name == "logit_scale":
            parameter.fill_(100).log_()
        elif name.endswith("importance"):
            parameter.normal_()
        elif "norm" in name:
            parameter.fill_(1 if name.endswith("weight") else 0)
        else:
            parameter.normal_(std=0.02)


def draw_prompts(prompts):
    """Start, 8 to 12 words and end of text, then padding to 77 tokens, as class-name prompts have them."""
    ids = torch.full((prompts, 77), TextModel.end_of_text)
    for row in ids:
        words = int(torch.randint(8, 13, []))
        row[0] = start_of_text
        row[1 : 1 + words] = torch.randint(0, start_of_text, [words])
    return ids


def prepare(directory, seed, images, prompts, rank, learning_rate, betas, kappa):
    torch.manual_seed(seed)
    model = Clip(rank)
    with torch.no_grad():
        draw_weights(model)
    inputs = {
        "pixels": torch.randn(images, 3, 224, 224),
        "ids": draw_prompts(prompts),
        "labels": torch.randint(0, prompts, [images]),
    }
    parameters = dict(model.named_parameters())
    adapters = {name: parameter for name, parameter in parameters.items() if is_adapter(name)}
    frozen = {name: parameter.requires_grad_(False) for name, parameter in parameters.items() if name not in adapters}

    directory = pathlib.Path(directory)
    (directory / "config.json").write_text(json.dumps({"model_type": "clip", "vision_config": {"patch_size": 16}}))
    weights.save(directory / "model.safetensors", frozen)
    weights.save(directory / "adapters.safetensors", adapters)
    weights.save(directory / "inputs.safetensors", inputs)
    run.update(
        model=model,
        inputs=inputs,
        optimizer=torch.optim.AdamW(adapters.values(), lr=learning_rate, betas=betas, weight_decay=0),
        gates=[parameter for name, parameter in adapters.items() if name.endswith("importance")],
        kappa=kappa,
    )
    return {"trainable": sum(parameter.numel() for parameter in adapters.values())}


def step():
    start = time.perf_counter()
    run["optimizer"].zero_grad()
    logits = run["model"](run["inputs"]["pixels"], run["inputs"]["ids"])
    loss = contrastive_loss(logits, run["inputs"]["labels"])
    loss.backward()
    run["optimizer"].step()
    with torch.no_grad():
        for gate in run["gates"]:
            gate.copy_(F.softshrink(gate, run["kappa"]))
    value = loss.item()
    return {"seconds": time.perf_counter() - start, "loss": value}


serve(prepare=prepare, step=step)
