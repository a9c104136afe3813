#!/usr/bin/env bash
# A training loop inside one torch.autocast computes with the first step's weights for ever.
#
# Expectation: autocast chooses the dtype of each operator. Where the context begins and ends decides which
#   operators are cast, and a loop of steps may stand inside it as well as around it.
# Behaviour: the casts of float32 parameters are kept until the outermost context ends, and no step of an
#   optimizer makes them new. Weights change, and no forward pass sees it: the loss stays the same to the last
#   digit. Gradients keep coming, taken at the old weights, so the weights run away along one direction. With
#   frozen weights it is the same for adapters. Copying weights, such as those of a teacher or of an average,
#   into a model inside the context has no effect on its answers either. cache_enabled=False gives what one
#   expects. Biases are kept as well. A weight without a gradient, or in bfloat16, is not.
# Versions: torch 2.13.0.
# Source: torch.autocast's documentation (cache_enabled: "whether the weight cache inside autocast should be
#   enabled"), which advises to wrap the forward pass only, for the sake of dtypes; at::autocast::cached_cast.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check torch==2.13.0 numpy==2.4.6
cat > train.py <<'PY'
import torch

torch.manual_seed(0)
torch.set_num_threads(1)
inputs = torch.randn(64, 16)
wanted = inputs @ torch.randn(16, 1)


def losses(cache, steps=40):
    torch.manual_seed(1)
    layer = torch.nn.Linear(16, 1)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.05)
    seen = []
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=cache):
        for _ in range(steps):
            loss = (layer(inputs).float() - wanted).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            seen.append(loss.item())
    return seen[0], seen[-1], (layer(inputs) - wanted).square().mean().item()


def swapped():
    """The change of an answer when all weights are set to 0 inside the context."""
    layer = torch.nn.Linear(16, 1)
    with torch.autocast("cpu", torch.bfloat16):
        before = layer(inputs)
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter.zero_()
        return (layer(inputs) - before).abs().max().item()


print(torch.__version__, *(f"{v:.3f}" for v in (*losses(True), *losses(False), swapped())))
PY
read -r torch first last after plainFirst plainLast plainAfter change < <(venv/bin/python -W ignore train.py)
echo "versions:   torch $torch"
echo "expected:   the loss falls from $plainFirst to $plainLast in 40 steps, as it does with cache_enabled=False"
echo "observed:   $first in the first step, $last in the last; outside the context the weights have $after"
echo "            setting all weights to 0 inside the context changes the answers by $change"
awk "BEGIN { exit !($last == $first && $after > 2 * $first && $plainLast < 0.1 * $plainFirst && $change == 0) }" \
  || { echo "changed" >&2; exit 1; }
