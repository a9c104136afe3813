"""The operators written plainly in PyTorch, and random arguments for them."""

import torch
import torch.nn.functional as F

ops = torch.ops.codyra


def lora_linear(x, weight, bias, lora_a, lora_b, importance):
    """y = W x + bias + B (w ∘ (A x)), the unmerged form; stacked factors side by side."""
    if lora_a.dim() == 2:
        return F.linear(x, weight, bias) + ((x @ lora_a.T) * importance) @ lora_b.T
    blocks = [((x @ a.T) * w) @ b.T for a, b, w in zip(lora_a, lora_b, importance)]
    return F.linear(x, weight, bias) + torch.cat(blocks, dim=-1)


def soft_threshold(x, kappa):
    return torch.where(x.abs() > kappa, x - x.sign() * kappa, torch.zeros_like(x))


def soft_threshold_released(x, kappa):
    """The published code's three masked assignments."""
    x = x.clone()
    x[x > kappa] -= kappa
    x[x < -kappa] += kappa
    x[x.abs() < kappa] = 0
    return x


def factors(d, k, rank, projections=None, dtype=torch.float32, requires_grad=False, seed=0):
    """weight, bias, lora_a, lora_b, importance; stacked when `projections` is given."""
    generator = torch.Generator().manual_seed(seed)
    stack = () if projections is None else (projections,)
    rows = d * (projections or 1)

    def normal(*shape, scale=1.0):
        values = torch.randn(*shape, generator=generator, dtype=torch.float64) * scale
        return values.to(dtype).requires_grad_(requires_grad)

    return (
        normal(rows, k, scale=k**-0.5),
        normal(rows),
        normal(*stack, rank, k, scale=k**-0.5),
        normal(*stack, d, rank, scale=0.3),
        normal(*stack, rank),
    )


def activations(*shape, dtype=torch.float32, requires_grad=False, seed=1):
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return values.to(dtype).requires_grad_(requires_grad)


def relative_error(actual, expected):
    """Largest difference relative to the largest magnitude expected."""
    if expected.numel() == 0:
        return 0.0
    scale = expected.double().abs().max().clamp_min(torch.finfo(torch.float32).tiny)
    return ((actual.double() - expected.double()).abs().max() / scale).item()
