"""Eager PyTorch calls on 8x8 tensors. `timeit` inlines the statement into its loop and keeps the garbage collector off."""

import timeit

import torch
import torch.nn.functional as F
from serve import serve

statements = {
    "add": "torch.add(a, b)",
    "mul": "torch.mul(a, b)",
    "mm": "torch.mm(a, b)",
    "linear": "F.linear(a, b, bias)",
    "layer_norm": "F.layer_norm(a, (8,), weight, bias)",
}


def measure(operator, calls):
    names = {
        "torch": torch,
        "F": F,
        "a": torch.randn(8, 8),
        "b": torch.randn(8, 8),
        "weight": torch.randn(8),
        "bias": torch.randn(8),
    }
    return timeit.timeit(statements[operator], globals=names, number=calls)


serve(measure=measure)
