"""Eager PyTorch calls on 8x8 tensors. `timeit` inlines the statement into its loop and keeps the garbage collector off."""

import timeit

import torch
import torch.nn.functional as F
from clock import now
from serve import serve

statements = {
    "add": "torch.add(a, b)",
    "mul": "torch.mul(a, b)",
    "mm": "torch.mm(a, b)",
    "linear": "F.linear(a, b, bias)",
    "layer_norm": "F.layer_norm(a, (8,), weight, bias)",
}


def measure(operator, calls, device):
    """Seconds for all calls."""
    names = {
        "torch": torch,
        "F": F,
        "a": torch.randn(8, 8, device=device),
        "b": torch.randn(8, 8, device=device),
        "weight": torch.randn(8, device=device),
        "bias": torch.randn(8, device=device),
    }
    start = now(device)
    timeit.timeit(statements[operator], globals=names, number=calls)
    return now(device) - start


serve(measure=measure)
