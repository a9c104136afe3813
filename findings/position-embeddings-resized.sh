#!/usr/bin/env bash
# One CLIP at a larger image size has other position embeddings in transformers than in open_clip and timm.
#
# Expectation: all three resize the grid of position embeddings bicubically. open_clip and timm ask for antialiasing and transformers does
#   not, which matters when a grid shrinks. When it grows there is nothing to smooth, so the three agree.
# Behaviour: they differ by about 8 % of the embeddings' norm when a grid of 7 x 7 grows to 9 x 9 or further.
#   torch's bicubic filter is Keys' with a = -0.75 without antialiasing (OpenCV's choice) and a = -0.5 with it (Pillow's).
#   `antialias` therefore chooses the kernel, not only its width, and no size is safe from it. Shrinking to 3 x 3 differs by three
#   quarters of the norm. (Embeddings drawn at random; trained ones are smoother and differ less.) A checkpoint that was fine-tuned at
#   336 pixels in one library is evaluated with other positions in the other, without a word.
# Versions: transformers 5.23.0, open_clip_torch 3.3.0, timm 1.0.31, torch 2.13.0.
# Source: transformers' CLIPVisionEmbeddings.interpolate_pos_encoding, open_clip's resize_pos_embed, timm's resample_abs_pos_embed;
#   R. Keys, Cubic convolution interpolation for digital image processing, 1981.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check torch==2.13.0 torchvision==0.28.0 transformers==5.23.0 open_clip_torch==3.3.0 timm==1.0.31
cat > resize.py <<'PY'
import importlib.metadata
import torch
if torch.version.cuda is None and "+cu" in importlib.metadata.distribution("torchvision").read_text("../torchvision/version.py"):
    for name in ("nms", "qnms"):  # torchvision for CUDA beside a torch for CPUs; nothing here needs its operators
        torch.library.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
from types import SimpleNamespace as Namespace
import open_clip, timm, transformers
from open_clip.model import resize_pos_embed
from timm.layers import resample_abs_pos_embed
from transformers import CLIPVisionConfig, CLIPVisionModel
torch.manual_seed(0)
width, patch = 64, 32
config = CLIPVisionConfig(hidden_size=width, intermediate_size=width, num_hidden_layers=1, num_attention_heads=2, image_size=7 * patch, patch_size=patch)
model = CLIPVisionModel(config)
embeddings = getattr(model, "vision_model", model).embeddings
positions = embeddings.position_embedding.weight.detach()
def resized(grid):
    tokens = torch.zeros(1, grid * grid + 1, width)
    of_transformers = embeddings.interpolate_pos_encoding(tokens, grid * patch, grid * patch)[0]
    state = {"visual.positional_embedding": positions.clone()}
    resize_pos_embed(state, Namespace(visual=Namespace(grid_size=(grid, grid))))
    of_timm = resample_abs_pos_embed(positions[None], [grid, grid], num_prefix_tokens=1)[0]
    return of_transformers.detach(), state["visual.positional_embedding"], of_timm
def percent(a, b):
    return round(100 * ((a - b).norm() / a.norm()).item(), 1)
def keys(t, a):  # the cubic kernel
    t = abs(t)
    if t <= 1:
        return (a + 2) * t**3 - (a + 3) * t**2 + 1
    return a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a if t < 2 else 0.0
def by_hand(a, size=10):  # a line of seven values, its ends repeated, at a position away from the ends
    line = positions[1:8, 0].double()
    at = (4 + 0.5) * 7 / size - 0.5
    return sum(keys(at - i, a) * line[i].item() for i in range(7))
def by_torch(antialias, size=10):
    line = positions[1:8, 0][None, None, None, :].expand(1, 1, 7, 7)
    return torch.nn.functional.interpolate(line, size=(7, size), mode="bicubic", antialias=antialias)[0, 0, 0, 4].item()
kernels = [min((0.5, 0.75), key=lambda a: abs(by_hand(-a) - by_torch(antialias))) for antialias in (True, False)]
fit = max(abs(by_hand(-a) - by_torch(antialias)) for a, antialias in zip(kernels, (True, False)))
larger, smaller = resized(9), resized(3)
print(transformers.__version__, open_clip.__version__, timm.__version__, torch.__version__, percent(larger[0], larger[1]), percent(larger[1], larger[2]),
      percent(smaller[0], smaller[1]), *kernels, int(fit < 1e-6))
PY
read -r transformers clip timm torch larger peers smaller with without fits < <(venv/bin/python -W ignore resize.py 2>/dev/null | tail -1)
echo "versions:   transformers $transformers, open_clip $clip, timm $timm, torch $torch"
echo "expected:   from 7 x 7 to 9 x 9 the three libraries agree"
echo "observed:   transformers and open_clip differ by $larger %, open_clip and timm by $peers %; to 3 x 3 by $smaller %"
echo "            torch's kernel has a = -$with with antialiasing, a = -$without without it"
awk "BEGIN { exit !($larger > 3 && $peers < 0.1 && $smaller > 30 && $with == 0.5 && $without == 0.75 && $fits == 1) }" || { echo "changed" >&2; exit 1; }
