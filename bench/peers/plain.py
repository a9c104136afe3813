"""The method written the plain way: clip.py, AdamW, and a loop over the importance weights of all matrices."""

import torch
import torch.nn.functional as F
import weights
from clip import Clip, LoraLinear, contrastive_loss
from contender import read_config, serve_contender


class Plain:
    def __init__(self, directory, adapters, settings):
        with torch.device("meta"):
            self.model = Clip(read_config(directory), settings["rank"])
        frozen = weights.load(directory / "model.safetensors")
        self.model.load_state_dict({**frozen, **adapters}, assign=True)
        self.model.requires_grad_(False).to(settings["device"])
        self.layers = [module for module in self.model.modules() if isinstance(module, LoraLinear)]
        self.gates = [layer.importance for layer in self.layers]
        self.parameters = [p for layer in self.layers for p in (layer.lora_a, layer.lora_b, layer.importance)]
        for parameter in self.parameters:
            parameter.requires_grad_()
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=settings["learning_rate"], betas=settings["betas"], weight_decay=0
        )
        self.kappa = settings["kappa"]

    def zero_grad(self):
        self.optimizer.zero_grad()

    def loss(self, pixels, ids, labels):
        return contrastive_loss(self.model(pixels, ids), labels)

    @torch.no_grad()
    def update(self):
        self.optimizer.step()
        for gate in self.gates:
            gate.copy_(F.softshrink(gate, self.kappa))

    @torch.no_grad()
    def merge(self):
        for layer in self.layers:
            layer.weight += (layer.lora_b * layer.importance) @ layer.lora_a
            layer.forward = torch.nn.Linear.forward.__get__(layer)

    def encode_texts(self, ids):
        return self.model.text_features(ids)

    def encode_images(self, pixels):
        return self.model.logit_scale.exp() * self.model.image_features(pixels)


serve_contender(Plain)
