"""CLIP with rank-selective LoRA, as fast as eager PyTorch gets it with the means that codyra uses.

Each adapted matrix is merged once per step and multiplied with once; gradients of its factors never take the size of the matrix. q, k and
v are one product. Prompts are cut to the longest, and their common beginning is computed once for all. The last block computes only the
position that is read out. Adapters are views of flat tensors. `parameters` are those of Hugging Face's CLIPModel by name, `config` is the content of its config.json.
"""

import torch
import torch.nn.functional as F


class MergedLinear(torch.autograd.Function):
    """y = x W_effᵀ + b with W_eff = W + B diag(w) A, for P projections of one input: A [P, r, k], B [P, d, r], w [P, r]."""

    @staticmethod
    def forward(ctx, x, weight, bias, lora_a, lora_b, importance):
        stacked = weight.unflatten(0, lora_b.shape[:2])
        effective = torch.baddbmm(stacked, lora_b * importance.unsqueeze(1), lora_a).flatten(0, 1).to(x.dtype)
        ctx.save_for_backward(x, effective, lora_a, lora_b, importance)
        return F.linear(x, effective, bias.to(x.dtype))

    @staticmethod
    def backward(ctx, grad):
        x, effective, lora_a, lora_b, importance = ctx.saved_tensors
        (projections, rank, _), d = lora_a.shape, lora_b.shape[1]
        grads = grad.reshape(-1, projections * d)
        inputs = x.reshape(-1, x.shape[-1])
        by_projection = grads.unflatten(1, (projections, d)).transpose(0, 1)  # [P, N, d]
        q = torch.bmm(by_projection, lora_b.to(x.dtype)).transpose(0, 1).flatten(1)  # [N, P r]
        s = (q.t() @ inputs).unflatten(0, (projections, rank)).to(lora_a.dtype)  # [P, r, k]
        p = (inputs @ lora_a.flatten(0, 1).t().to(x.dtype)).unflatten(1, (projections, rank))  # [N, P, r]
        grad_b = torch.bmm(by_projection.transpose(1, 2), p.transpose(0, 1)).to(lora_b.dtype) * importance.unsqueeze(1)
        grad_x = (grads @ effective).view_as(x) if ctx.needs_input_grad[0] else None
        return grad_x, None, None, s * importance.unsqueeze(2), grad_b, (lora_a * s).sum(-1)


class Layer:
    """A linear layer of one projection or several stacked ones."""

    def __init__(self, parameters, names):
        self.names = names
        self.weight = torch.cat([parameters[f"{name}.weight"] for name in names])
        self.bias = torch.cat([parameters[f"{name}.bias"] for name in names])
        self.adapter = None  # A, B and w, once there are any

    def __call__(self, x):
        if self.adapter is None:
            return F.linear(x, self.weight, self.bias)
        device = x.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype
        with torch.autocast(device, enabled=False):
            return MergedLinear.apply(x.to(dtype), self.weight, self.bias, *self.adapter)

    def merge(self):
        lora_a, lora_b, importance = self.adapter
        stacked = self.weight.unflatten(0, lora_b.shape[:2])
        stacked.baddbmm_(lora_b * importance.unsqueeze(1), lora_a)
        self.adapter = None


class Norm:
    def __init__(self, parameters, name):
        self.weight, self.bias = parameters[f"{name}.weight"], parameters[f"{name}.bias"]

    def __call__(self, x):
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias)


class Block:
    def __init__(self, parameters, name, heads, is_causal):
        attention = f"{name}.self_attn"
        self.heads, self.is_causal = heads, is_causal
        self.norm1 = Norm(parameters, f"{name}.layer_norm1")
        self.qkv = Layer(parameters, [f"{attention}.{part}_proj" for part in "qkv"])
        self.out = Layer(parameters, [f"{attention}.out_proj"])
        self.norm2 = Norm(parameters, f"{name}.layer_norm2")
        self.fc1 = Layer(parameters, [f"{name}.mlp.fc1"])
        self.fc2 = Layer(parameters, [f"{name}.mlp.fc2"])
        self.layers = [self.qkv, self.out, self.fc1, self.fc2]

    def __call__(self, x, select, mix=None):
        """`select` picks the positions that are wanted, `mix` lets them read each other."""
        mix = mix or self.attend
        x = select(x) + self.out(select(mix(self.qkv(self.norm1(x)), self.heads)))
        return x + self.fc2(quick_gelu(self.fc1(self.norm2(x))))

    def attend(self, qkv, heads):
        return join(F.scaled_dot_product_attention(*split(qkv, heads), is_causal=self.is_causal))


def split(qkv, heads):
    """[B, L, 3 width] to queries, keys and values [B, heads, L, D]."""
    return (part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in qkv.chunk(3, -1))


def join(mixed):
    return mixed.transpose(1, 2).flatten(-2)


class SharedPrefix:
    """Causal attention of sequences that begin alike, packed as [1, prefix + count rest, width]: the beginning, then the rest of each."""

    def __init__(self, prefix, count, rest, device):
        self.prefix, self.count, self.rest = prefix, count, rest
        self.mask = torch.ones(rest, prefix + rest, dtype=torch.bool, device=device).tril(prefix)

    def pack(self, beginning, rest):
        return torch.cat([beginning, rest.flatten(0, 1).unsqueeze(0)], 1)

    def mix(self, qkv, heads):
        q, k, v = split(qkv[:, : self.prefix], heads)
        own = qkv[:, self.prefix :].view(self.count, self.rest, -1)
        rest_q, rest_k, rest_v = split(own, heads)
        keys, values = (
            torch.cat([common.expand(self.count, -1, -1, -1), of_rest], 2) for common, of_rest in ((k, rest_k), (v, rest_v))
        )
        mixed = F.scaled_dot_product_attention(rest_q, keys, values, attn_mask=self.mask)
        return self.pack(join(F.scaled_dot_product_attention(q, k, v, is_causal=True)), join(mixed))


def quick_gelu(x):
    return F.silu(x * 1.702).mul_(1 / 1.702)  # one tensor is kept for the backward pass


class FastClip:
    def __init__(self, config, parameters):
        self.parameters = parameters
        self.text, self.vision = config["text_config"], config["vision_config"]
        self.text_blocks = self.blocks("text_model", self.text, True)
        self.vision_blocks = self.blocks("vision_model", self.vision, False)
        self.layers = [layer for block in self.vision_blocks + self.text_blocks for layer in block.layers]
        self.final_norm = Norm(parameters, "text_model.final_layer_norm")
        self.pre_norm = Norm(parameters, "vision_model.pre_layrnorm")
        self.post_norm = Norm(parameters, "vision_model.post_layernorm")

    def blocks(self, tower, config, is_causal):
        count, heads = config["num_hidden_layers"], config["num_attention_heads"]
        return [Block(self.parameters, f"{tower}.encoder.layers.{i}", heads, is_causal) for i in range(count)]

    @property
    def scale(self):
        return self.parameters["logit_scale"].exp()

    def image_features(self, pixels):
        tower = "vision_model.embeddings"
        patches = F.conv2d(
            pixels, self.parameters[f"{tower}.patch_embedding.weight"], stride=self.vision["patch_size"]
        )
        token = self.parameters[f"{tower}.class_embedding"].expand(len(pixels), 1, -1)
        x = torch.cat([token, patches.flatten(2).transpose(1, 2)], 1)
        x = self.pre_norm(x + self.parameters[f"{tower}.position_embedding.weight"])
        x = run_blocks(self.vision_blocks, x, lambda x: x[:, 0])
        return F.normalize(F.linear(self.post_norm(x), self.parameters["visual_projection.weight"]).float(), dim=-1)

    def text_features(self, ids, prefix):
        """`ids` padded to the longest prompt only; their first `prefix` columns are the same in all rows."""
        tower = "text_model.embeddings"
        x = F.embedding(ids, self.parameters[f"{tower}.token_embedding.weight"])
        x = x + self.parameters[f"{tower}.position_embedding.weight"][: ids.shape[1]]
        count, rest = len(ids), ids.shape[1] - prefix
        packing = SharedPrefix(prefix, count, rest, ids.device)
        end = (ids == self.text["eos_token_id"]).int().argmax(-1)
        index = torch.arange(count, device=ids.device) * rest + end  # the prefix counts in the packed positions and in `end` alike
        packed = packing.pack(x[:1, :prefix], x[:, prefix:])
        x = run_blocks(self.text_blocks, packed, lambda x: x[0, index], packing.mix)
        return F.normalize(F.linear(self.final_norm(x), self.parameters["text_projection.weight"]).float(), dim=-1)


def run_blocks(blocks, x, pool, mix=None):
    for block in blocks[:-1]:
        x = block(x, lambda x: x, mix)
    return blocks[-1](x, pool, mix)
