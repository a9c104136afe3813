"""Lets `import torchvision` work where its compiled operators cannot be loaded: PyPI carries for Linux only a build against CUDA's torch.

Its image transforms need none of them, but its import refers to two, which are declared here as soon as torchvision is imported.
"""

import importlib.abc
import sys


class DeclareOperators(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "torchvision":
            sys.meta_path.remove(self)
            import torch

            for operator in ("nms", "qnms"):
                signature = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
                torch.library.define(f"torchvision::{operator}", signature)
        return None


sys.meta_path.insert(0, DeclareOperators())
