"""The optimizer step as PyTorch's users write it: a fused AdamW over all adapters, then a loop over the importance weights."""

import torch
import torch.nn.functional as F
from clock import own_time
from serve import serve

run = {}


def prepare(shapes, device):
    """`shapes` of A, B and the importance weights, matrix by matrix."""
    parameters = [torch.randn(shape, device=device, requires_grad=True) for shape in shapes]
    for parameter in parameters:
        parameter.grad = torch.randn_like(parameter)
    optimizer = torch.optim.AdamW(parameters, lr=1e-6, betas=(0.9, 0.9999), weight_decay=0, fused=True)
    run.update(device=device, gates=parameters[2::3], optimizer=optimizer)


@torch.no_grad()
def steps(repeats):
    """Seconds for all repeats."""
    start = own_time(run["device"])
    for _ in range(repeats):
        run["optimizer"].step()
        for gate in run["gates"]:
            gate.copy_(F.softshrink(gate, 1e-4))
    return own_time(run["device"]) - start


serve(prepare=prepare, steps=steps)
