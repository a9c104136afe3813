#!/usr/bin/env bash
# The same sum of bfloat16 ones is 1000 or 256 on a CPU, by the function that groups them; a mean of ones is 0.26.
#
# Expectation: torch adds bfloat16 values in float32 and rounds once, as sum(), mean() and cumsum() do. Ways of
#   adding rows by group differ in speed only. So class means, and gradients of a table's rows, are right.
# Behaviour: index_add_, segment_reduce and the gradients of embedding() and of indexing with a tensor round
#   after every addition. A sum of ones then stays at 256, because 257 is no bfloat16. scatter_add_,
#   index_reduce_ and the gradient of index_select() keep float32 until the end. segment_reduce(reduce="mean")
#   divides the sum that stopped by the true count: the mean of 1000 ones is 0.256. In a text encoder kept in
#   bfloat16, the embedding of the start token, which every prompt has, so gets a fraction of its gradient.
# Versions: torch 2.13.0 on CPU.
# Source: documentation of torch.Tensor.index_add_, scatter_add_, torch.segment_reduce, torch.nn.functional.
#   embedding: none mentions the precision of its sums.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check torch==2.13.0 numpy==2.4.0
cat > sums.py <<'PY'
import torch

COUNT = 1000
ones = torch.ones(COUNT, dtype=torch.bfloat16)
first = torch.zeros(COUNT, dtype=torch.int64)  # all belong to group 0


def zero():
    return torch.zeros(1, dtype=torch.bfloat16)


def gradient(lookup):
    """Of a table's only row, which is looked up 1000 times."""
    table = torch.ones(1, 1, dtype=torch.bfloat16, requires_grad=True)
    lookup(table).sum().backward()
    return table.grad


values = [
    ones.sum(),
    zero().scatter_add_(0, first, ones),
    gradient(lambda table: table.index_select(0, first)),
    zero().index_add_(0, first, ones),
    gradient(lambda table: torch.nn.functional.embedding(first, table)),
    gradient(lambda table: table[first]),
    zero().index_reduce_(0, first, ones, "mean", include_self=False),
    torch.segment_reduce(ones, "mean", lengths=torch.tensor([COUNT])),
]
print(torch.__version__, *(f"{value.item():.4g}" for value in values))
PY
read -r torch sum scatter select add embedding index reduced segment < <(venv/bin/python -W ignore sums.py)
echo "versions:   torch $torch"
echo "expected:   1000 from every function, and means of 1"
echo "observed:   sum $sum, scatter_add_ $scatter, gradient of index_select $select;"
echo "            index_add_ $add, gradients of embedding $embedding and of table[rows] $index;"
echo "            mean by index_reduce_ $reduced, by segment_reduce $segment"
[ "$sum $scatter $select $reduced" = "1000 1000 1000 1" ] && [ "$add $embedding $index $segment" = "256 256 256 0.2559" ] \
  || { echo "changed" >&2; exit 1; }
