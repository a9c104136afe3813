#!/usr/bin/env bash
# usearch's exact search over float32 vectors misses true neighbours where embeddings lie close together, as CLIP's do.
#
# Expectation: Index(ndim=..., metric="cos") keeps the float32 vectors that are added, and search(..., exact=True) compares the query with
#   all of them, so the rows are those that NumPy's products give: a reference to measure an approximate index by.
# Behaviour: with no dtype the index takes the smallest type that the processor has instructions for, bfloat16 on most, and rounds what is
#   added. `exact` means that no graph is used. Vectors of one encoder fill a narrow cone (cosines of 0.9 and more between images of a
#   kind), where 8 bits do not tell neighbours apart: 7 % of the ten nearest are others. A recall that is measured against this search is
#   measured against the same rounding and looks better than it is, and another processor gives other rows. dtype="f32" gives the true ones.
# Versions: usearch 2.26.6, numpy 2.3.5.
# Source: usearch's documentation of Index (dtype) and of search (exact); its Python package chooses by hardware_acceleration.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check usearch==2.26.6 numpy==2.3.5
cat > search.py <<'PY'
import numpy as np, usearch
from usearch.index import Index
random = np.random.default_rng(0)
count, width, queries, nearest = 5000, 64, 200, 10
vectors = (random.normal(size=width) + 0.05 * random.normal(size=(count, width))).astype(np.float32)  # a narrow cone
vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
cosines = vectors[:queries].astype(np.float64) @ vectors.astype(np.float64).T
true = np.sort(cosines, axis=1)[:, -nearest][:, None]
def recall(**dtype):
    index = Index(ndim=width, metric="cos", **dtype)
    index.add(np.arange(count), vectors)
    rows = index.search(vectors[:queries], nearest, exact=True).keys
    # A row as near as the tenth, to a rounding of float32, counts: ties have no order.
    found = np.take_along_axis(cosines, rows.astype(int), axis=1) >= true - 1e-7
    return str(index.dtype).split(".")[-1], round(100 * found.mean(), 1)
print(usearch.__version__, np.__version__, *recall(), *recall(dtype="f32"))
PY
read -r usearch numpy kind usual asked wanted < <(venv/bin/python search.py | tail -1)
echo "versions:   usearch $usearch, numpy $numpy"
echo "expected:   an exact search over float32 vectors finds all of the ten nearest"
echo "observed:   it stores $kind and finds $usual %; with dtype=\"f32\" $wanted % ($asked)"
awk "BEGIN { exit !(\"$kind\" != \"F32\" && $usual < 97 && $wanted == 100) }" || { echo "changed" >&2; exit 1; }
