#!/usr/bin/env bash
# With one seed, torch.randn(1000) is not the first 1000 values of torch.randn(2000), on a CPU.
#
# Expectation: a seeded generator gives a stream of numbers. Drawing more of them leaves the first as they were,
#   as torch.rand and NumPy's standard_normal do. One class or rank more changes nothing before it.
# Behaviour: on a CPU, fewer than 16 normal values are drawn one by one. From 16 on they are made in blocks of
#   16, by other pairs of the same stream: randn(15) and the first 15 of randn(16) have no value in common.
#   Where the count is no multiple of 16, the last 16 values are drawn again. So the end of randn(1000) is not
#   in randn(2000): 16 values differ. 15 values and then 1 are not 16 values either. Initialisations by
#   normal_() are concerned likewise, and so are noise and pseudo-features drawn for a growing set of classes.
# Versions: torch 2.13.0 on CPU, NumPy 2.4.0.
# Source: documentation of torch.randn and torch.manual_seed, and the notes on reproducibility: they promise
#   equal results for equal calls on one platform, and say nothing of other sizes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check torch==2.13.0 numpy==2.4.0
cat > prefixes.py <<'PY'
import numpy
import torch


def differing(draw, count, more):
    """How many of the first values change where more are drawn."""
    return int((draw(count) != draw(more)[:count]).sum())


def seeded(function):
    def draw(count):
        torch.manual_seed(0)
        return function(count)

    return draw


def numpy_normal(count):
    return numpy.random.default_rng(0).standard_normal(count)


normal, uniform = seeded(torch.randn), seeded(torch.rand)
pairs = [(15, 16), (1000, 2000), (1008, 2000)]
counts = [differing(draw, *pair) for draw in (normal, uniform, numpy_normal) for pair in pairs]
print(torch.__version__, numpy.__version__, *counts)
PY
read -r torch numpy first second third others < <(venv/bin/python prefixes.py)
echo "versions:   torch $torch, NumPy $numpy"
echo "expected:   no value changes where more are drawn"
echo "observed:   torch.randn: $first of 15 change with 16, $second of 1000 and $third of 1008 with 2000"
echo "            torch.rand and NumPy: $others"
[ "$first $second $third" = "15 16 0" ] && [ "$others" = "0 0 0 0 0 0" ] || { echo "changed" >&2; exit 1; }
