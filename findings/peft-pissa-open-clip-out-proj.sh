#!/usr/bin/env bash
# PiSSA and OLoRA change what an open_clip CLIP computes before the first training step.
#
# Expectation: every initialisation of LoRA leaves the model's function as it was. PiSSA and OLoRA take the adapter's product out of the base
#   weight, so that both together are the old weight. target_modules="all-linear" adapts every linear layer, those of attention too.
# Behaviour: open_clip's attention is torch.nn.MultiheadAttention, which reads the weight of `out_proj` and never calls that layer.
#   PEFT adapts `out_proj` all the same: its factors count as trainable, get no gradient, and are not applied. in_proj is not adapted
#   at all. With the usual initialisation one only learns less than the count says. With PiSSA or OLoRA the weight has lost its principal
#   directions and nothing gives them back: features move by some 15 % at once, with no warning. Merging at that moment restores
#   them, so a check of the merged model sees nothing, and a merge after training changes what was trained.
# Versions: peft 0.21.2, open_clip_torch 3.3.0, torch 2.13.0.
# Source: PEFT's documentation of init_lora_weights ("pissa", "olora") and "all-linear"; torch.nn.MultiheadAttention's forward, which
#   hands out_proj.weight to the functional form.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check torch==2.13.0 torchvision==0.28.0 open_clip_torch==3.3.0 peft==0.21.2
cat > start.py <<'PY'
import copy
import importlib.metadata
import torch
if torch.version.cuda is None and "+cu" in importlib.metadata.distribution("torchvision").read_text("../torchvision/version.py"):
    for name in ("nms", "qnms"):  # torchvision for CUDA beside a torch for CPUs; nothing here needs its operators
        torch.library.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
import open_clip, peft
from peft import LoraConfig, get_peft_model
torch.manual_seed(0)
vision = open_clip.CLIPVisionCfg(layers=4, width=128, head_width=32, patch_size=16, image_size=64)
text = open_clip.CLIPTextCfg(layers=1, width=64, heads=2)
base = open_clip.CLIP(64, vision, text).eval()
images = torch.randn(4, 3, 64, 64)
with torch.no_grad():
    before = base.encode_image(images)
def percent(features):
    return round(100 * ((features - before).norm() / before.norm()).item(), 1)
moved, merged = {}, {}
for start in (True, "pissa", "olora"):
    config = LoraConfig(r=16, lora_alpha=16, target_modules="all-linear", init_lora_weights=start)
    adapted = get_peft_model(copy.deepcopy(base), config).eval()
    features = adapted.base_model.model.encode_image(images)
    features.sum().backward()
    trained = [p for n, p in adapted.named_parameters() if p.requires_grad and "visual" in n]
    moved[start] = percent(features.detach())
    with torch.no_grad():
        merged[start] = percent(adapted.merge_and_unload().encode_image(images))
idle = sum(p.grad is None for p in trained)
print(peft.__version__, open_clip.__version__, torch.__version__, moved[True], moved["pissa"], moved["olora"], merged["pissa"], merged["olora"], idle, len(trained))
PY
read -r peft clip torch usual pissa olora mergedPissa mergedOlora idle all < <(venv/bin/python -W ignore start.py 2>/dev/null | tail -1)
echo "versions:   peft $peft, open_clip $clip, torch $torch"
echo "expected:   features at the start are the base model's with every initialisation, and all trainable factors get a gradient"
echo "observed:   they move by $usual % (usual), $pissa % (PiSSA), $olora % (OLoRA); merged at once by $mergedPissa % and $mergedOlora %;"
echo "            $idle of $all trainable tensors of the image encoder get no gradient"
awk "BEGIN { exit !($usual == 0 && $pissa > 5 && $olora > 5 && $mergedPissa < 0.1 && $mergedOlora < 0.1 && $idle > 0) }" || { echo "changed" >&2; exit 1; }
