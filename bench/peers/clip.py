"""CLIP with rank-selective LoRA on all six matrices of both towers, written the plain way.

Every matrix is adapted on its own, `y = x Wᵀ + b + ((x Aᵀ) w) Bᵀ` (arXiv:2412.01004, eq. 1 and 2), and prompts are padded to 77
tokens. Parameters have the names of Hugging Face's CLIPModel; `config` is the content of its config.json.
"""

import torch
import torch.nn.functional as F
from torch import nn


class LoraLinear(nn.Linear):
    def __init__(self, in_features, out_features, rank):
        super().__init__(in_features, out_features)
        self.lora_a = nn.Parameter(torch.empty(rank, in_features))
        self.lora_b = nn.Parameter(torch.empty(out_features, rank))
        self.importance = nn.Parameter(torch.empty(rank))

    def forward(self, x):
        return F.linear(x, self.weight, self.bias) + ((x @ self.lora_a.T) * self.importance) @ self.lora_b.T


class Attention(nn.Module):
    def __init__(self, width, heads, is_causal, rank):
        super().__init__()
        self.heads = heads
        self.is_causal = is_causal
        self.q_proj = LoraLinear(width, width, rank)
        self.k_proj = LoraLinear(width, width, rank)
        self.v_proj = LoraLinear(width, width, rank)
        self.out_proj = LoraLinear(width, width, rank)

    def forward(self, x):
        q, k, v = (
            projection(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for projection in (self.q_proj, self.k_proj, self.v_proj)
        )
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=self.is_causal)
        return self.out_proj(mixed.transpose(1, 2).flatten(-2))


class Mlp(nn.Module):
    def __init__(self, width, rank):
        super().__init__()
        self.fc1 = LoraLinear(width, 4 * width, rank)
        self.fc2 = LoraLinear(4 * width, width, rank)

    def forward(self, x):
        hidden = self.fc1(x)
        return self.fc2(hidden * torch.sigmoid(1.702 * hidden))


class Block(nn.Module):
    def __init__(self, width, heads, is_causal, rank):
        super().__init__()
        self.layer_norm1 = nn.LayerNorm(width)
        self.self_attn = Attention(width, heads, is_causal, rank)
        self.layer_norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width, rank)

    def forward(self, x):
        x = x + self.self_attn(self.layer_norm1(x))
        return x + self.mlp(self.layer_norm2(x))


class Encoder(nn.Module):
    def __init__(self, config, is_causal, rank):
        super().__init__()
        width, heads = config["hidden_size"], config["num_attention_heads"]
        self.layers = nn.Sequential(
            *(Block(width, heads, is_causal, rank) for _ in range(config["num_hidden_layers"]))
        )

    def forward(self, x):
        return self.layers(x)


class TextEmbeddings(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.token_embedding = nn.Embedding(config["vocab_size"], config["hidden_size"])
        self.position_embedding = nn.Embedding(config["max_position_embeddings"], config["hidden_size"])

    def forward(self, ids):
        return self.token_embedding(ids) + self.position_embedding.weight


class TextModel(nn.Module):
    def __init__(self, config, rank):
        super().__init__()
        self.end_of_text = config["eos_token_id"]
        self.embeddings = TextEmbeddings(config)
        self.encoder = Encoder(config, True, rank)
        self.final_layer_norm = nn.LayerNorm(config["hidden_size"])

    def forward(self, ids):
        hidden = self.final_layer_norm(self.encoder(self.embeddings(ids)))
        end = (ids == self.end_of_text).int().argmax(-1)
        return hidden[torch.arange(len(ids), device=ids.device), end]


class VisionEmbeddings(nn.Module):
    def __init__(self, config):
        super().__init__()
        width, patch = config["hidden_size"], config["patch_size"]
        self.class_embedding = nn.Parameter(torch.empty(width))
        self.patch_embedding = nn.Conv2d(3, width, patch, stride=patch, bias=False)
        self.position_embedding = nn.Embedding((config["image_size"] // patch) ** 2 + 1, width)

    def forward(self, pixels):
        patches = self.patch_embedding(pixels).flatten(2).transpose(1, 2)
        token = self.class_embedding.expand(len(pixels), 1, -1)
        return torch.cat([token, patches], dim=1) + self.position_embedding.weight


class VisionModel(nn.Module):
    def __init__(self, config, rank):
        super().__init__()
        width = config["hidden_size"]
        self.embeddings = VisionEmbeddings(config)
        self.pre_layrnorm = nn.LayerNorm(width)  # sic, as published
        self.encoder = Encoder(config, False, rank)
        self.post_layernorm = nn.LayerNorm(width)

    def forward(self, pixels):
        hidden = self.encoder(self.pre_layrnorm(self.embeddings(pixels)))
        return self.post_layernorm(hidden[:, 0])


class Clip(nn.Module):
    def __init__(self, config, rank):
        super().__init__()
        text, vision, width = config["text_config"], config["vision_config"], config["projection_dim"]
        self.logit_scale = nn.Parameter(torch.empty([]))
        self.text_model = TextModel(text, rank)
        self.vision_model = VisionModel(vision, rank)
        self.visual_projection = nn.Linear(vision["hidden_size"], width, bias=False)
        self.text_projection = nn.Linear(text["hidden_size"], width, bias=False)

    def image_features(self, pixels):
        return F.normalize(self.visual_projection(self.vision_model(pixels)), dim=-1)

    def text_features(self, ids):
        return F.normalize(self.text_projection(self.text_model(ids)), dim=-1)

    def forward(self, pixels, ids):
        """Contrastive logits [images, prompts]."""
        return self.logit_scale.exp() * self.image_features(pixels) @ self.text_features(ids).T


def contrastive_loss(logits, labels):
    """The mean of both directions; images of one class are joint positives."""
    image_to_text = F.cross_entropy(logits, labels)
    present = labels.unique()
    positives = (present[:, None] == labels).to(logits.dtype)  # [present, images]
    targets = positives / positives.sum(1, keepdim=True)
    return (image_to_text + F.cross_entropy(logits.T[present], targets)) / 2
