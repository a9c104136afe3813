#!/usr/bin/env bash
# timm's own transform for OpenAI's ViT-B CLIPs cuts off a tenth of the image, and their default names have another activation.
#
# Expectation: vit_base_patch16_clip_224.openai is the image encoder of OpenAI's ViT-B/16. The transform that timm resolves for it is CLIP's, since
#   mean, standard deviation and filter are: the shorter side becomes 224 pixels, and the middle square is taken.
# Behaviour: for the ViT-B models crop_pct is 0.9, the library's default. The shorter side becomes 248 pixels, of which the middle 224 are taken, so
#   12 pixels are lost on each side. For ViT-L/14 of the same release it is 1, and so it is for the ViT-B of LAION. SigLIP's ViT-B has 0.9
#   too, where the original squashes the whole image. The activation is the exact GELU, and QuickGELU under names with `clip_quickgelu` alone.
#   With equal weights features then differ: by 0.8 % of their norm with random weights, whose activations are small. Whoever
#   compares CLIPs through timm gives the base models other images and another function than open_clip does, the large ones another function.
# Versions: timm 1.0.31, open_clip_torch 3.3.0, torch 2.13.0.
# Source: timm's vision_transformer.py (default_cfgs) and resolve_model_data_config; OpenAI's clip.py (_transform); open_clip's
#   configuration ViT-B-16-quickgelu.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check torch==2.13.0 torchvision==0.28.0 timm==1.0.31 open_clip_torch==3.3.0
cat > compare.py <<'PY'
import importlib.metadata
import torch

if torch.version.cuda is None and "+cu" in importlib.metadata.distribution("torchvision").read_text("../torchvision/version.py"):
    for name in ("nms", "qnms"):  # torchvision for CUDA beside a torch for CPUs; nothing here needs its operators
        torch.library.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
import numpy
import open_clip
import timm
from PIL import Image
from timm.data import create_transform, resolve_model_data_config
from timm.models.vision_transformer import checkpoint_filter_fn

base = "vit_base_patch16_clip_224.openai"
quick = "vit_base_patch16_clip_quickgelu_224.openai"
crop = {name: timm.get_pretrained_cfg(name).crop_pct for name in (
    base, "vit_large_patch14_clip_224.openai", "vit_base_patch16_clip_224.laion2b", "vit_base_patch16_siglip_224.webli")}

torch.manual_seed(0)
clip = open_clip.create_model("ViT-B-16-quickgelu").eval()  # random weights
towers = {name: timm.create_model(name, pretrained=False, num_classes=512).eval() for name in (base, quick)}
weights = checkpoint_filter_fn(clip.state_dict(), towers[base])
for tower in towers.values():
    tower.load_state_dict(weights)
rows = numpy.zeros((224, 224, 3), dtype=numpy.uint8)
rows[:8] = 255  # a white bar along the upper edge
image = Image.fromarray(rows)
transforms = {
    "open_clip": open_clip.image_transform(224, is_train=False, mean=open_clip.OPENAI_DATASET_MEAN, std=open_clip.OPENAI_DATASET_STD),
    "timm": create_transform(**resolve_model_data_config(towers[base])),
}
white = {name: round((transform(image)[0, :, 112] > 1).sum().item()) for name, transform in transforms.items()}
noise = torch.randn(2, 3, 224, 224)
with torch.no_grad():
    wanted = clip.encode_image(noise)
    apart = {name: ((tower(noise) - wanted).norm() / wanted.norm()).item() for name, tower in towers.items()}
print(f"versions:   timm {timm.__version__}, open_clip {open_clip.__version__}, torch {torch.__version__}")
print("expected:   a white bar of 8 rows is seen in both transforms, and with equal weights features are open_clip's")
print(f"observed:   rows of it that are left: {white}; crop_pct {crop}")
print(f"            features differ by {100 * apart[base]:.1f} % under the plain name, by {100 * apart[quick]:.4f} % under the one with quickgelu")
as_described = (
    list(crop.values()) == [0.9, 1.0, 1.0, 0.9] and white["open_clip"] >= 7 and white["timm"] == 0
    and apart[base] > 0.004 and apart[quick] < 1e-4
)
raise SystemExit(0 if as_described else "changed")
PY
venv/bin/python -W ignore compare.py 2>/dev/null
