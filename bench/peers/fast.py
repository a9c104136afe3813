"""The strongest eager PyTorch: fast_clip.py, one fused AdamW over flat tensors, all importance weights thresholded at once."""

import torch
import torch.nn.functional as F
import weights
from contender import read_config, serve_contender
from fast_clip import FastClip


class Fast:
    def __init__(self, directory, adapters, settings):
        parameters = weights.load(directory / "model.safetensors")
        parameters = {name: parameter.to(settings["device"]) for name, parameter in parameters.items()}
        self.model = FastClip(read_config(directory), parameters)
        self.factors, self.importance = inject(self.model.layers, adapters)
        self.parameters = [self.factors, self.importance]
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=settings["learning_rate"], betas=settings["betas"], weight_decay=0, fused=True
        )
        self.kappa = settings["kappa"]
        self.longest = None

    def zero_grad(self):
        self.optimizer.zero_grad(set_to_none=False)

    def loss(self, pixels, ids, labels):
        texts, images = self.encode_texts(ids), self.model.image_features(pixels)
        with torch.autocast(pixels.device.type, enabled=False):  # logits of up to 100 in bfloat16 would be off by a half
            return contrastive_loss(self.model.scale * images @ texts.t(), labels)

    def encode_texts(self, ids):
        if self.longest is None:  # read from the device once
            self.longest = int((ids == self.model.text["eos_token_id"]).int().argmax(-1).max()) + 1
            self.prefix = (ids == ids[:1]).all(0).int().tolist().index(0)
        return self.model.text_features(ids[:, : self.longest], self.prefix)

    @torch.no_grad()
    def update(self):
        self.optimizer.step()
        self.importance.copy_(F.softshrink(self.importance, self.kappa))

    @torch.no_grad()
    def merge(self):
        for layer in self.model.layers:
            layer.merge()

    def encode_images(self, pixels):
        return self.model.scale * self.model.image_features(pixels)


def inject(layers, adapters):
    """Gives each layer leaves that are views of two flat tensors, as are their gradients. Returns the flat ones."""
    stacked = [
        [torch.stack([adapters[f"{name}.{part}"] for name in layer.names]) for part in ("lora_a", "lora_b", "importance")]
        for layer in layers
    ]
    factors = torch.cat([tensor.flatten() for a, b, _ in stacked for tensor in (a, b)])
    importance = torch.cat([w.flatten() for _, _, w in stacked])
    for flat in (factors, importance):
        flat.grad = torch.zeros_like(flat)
    offsets = {id(factors): 0, id(importance): 0}

    def leaf(flat, shape):
        start = offsets[id(flat)]
        end = offsets[id(flat)] = start + shape.numel()
        view = flat[start:end].view(shape).detach().requires_grad_()
        view.grad = flat.grad[start:end].view(shape)
        return view

    for layer, (a, b, w) in zip(layers, stacked):
        layer.adapter = leaf(factors, a.shape), leaf(factors, b.shape), leaf(importance, w.shape)
    return factors, importance


def contrastive_loss(logits, labels):
    """The mean of both directions; images of one class are joint positives. Never waits for the device."""
    image_to_text = F.cross_entropy(logits, labels)
    text_to_image = F.log_softmax(logits, 0).gather(1, labels[:, None]).squeeze(1)
    per_class = torch.zeros(logits.shape[1], device=logits.device).index_add_(0, labels, torch.ones_like(text_to_image))
    share = 1 / (per_class[labels] * (per_class > 0).sum())
    return (image_to_text - (text_to_image * share).sum()) / 2


serve_contender(Fast)
