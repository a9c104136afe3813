#!/usr/bin/env bash
# One legacy key in a CLIP's config.json makes transformers build other layers than the checkpoint has, and fill them at random.
#
# Expectation: config.json holds the whole "text_config". Many published CLIPs also carry "text_config_dict", the older name, with the few
#   fields that someone set. Its values may win where both name a field, but a field that only "text_config" names is kept.
# Behaviour: the older key is first completed with the defaults of CLIPTextConfig, then all of it replaces "text_config". A field that it
#   leaves out goes back to the default of the class: a text encoder of 3 layers is built with 12. from_pretrained then reports success;
#   9 layers are drawn at random, differently in every process, and only a table in the log names them as missing. "vision_config_dict"
#   does the same to the image encoder.
# Versions: transformers 5.23.0, torch 2.13.0.
# Source: documentation of CLIPConfig, whose parameters are text_config and vision_config; the older names are not in it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check torch==2.13.0 transformers==5.23.0
cat > load.py <<'PY'
import json, os
import torch, transformers
from transformers import CLIPConfig, CLIPModel
transformers.logging.set_verbosity_error()
sizes = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4, "num_hidden_layers": 3}
text = {**sizes, "vocab_size": 100, "bos_token_id": 98, "eos_token_id": 99, "pad_token_id": 99}
vision = {**sizes, "image_size": 32, "patch_size": 16}
CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=16)).save_pretrained("clip")
path = "clip/config.json"
config = json.load(open(path))
config["text_config_dict"] = {key: text[key] for key in text if key != "num_hidden_layers"}
json.dump(config, open(path, "w"))
written = config["text_config"]["num_hidden_layers"]
ids = torch.tensor([[98, 5, 6, 99]])
def embed(seed):
    torch.manual_seed(seed)
    model = CLIPModel.from_pretrained("clip").eval()
    with torch.no_grad():
        features = model.get_text_features(input_ids=ids)
    return model, getattr(features, "pooler_output", features)
(model, first), (_, second) = embed(1), embed(2)
print(transformers.__version__, torch.__version__, written, model.config.text_config.num_hidden_layers, not torch.equal(first, second))
PY
read -r transformers torch written built differs < <(venv/bin/python -W ignore load.py 2>/dev/null | tail -1)
echo "versions:   transformers $transformers, torch $torch"
echo "expected:   \"text_config\" says $written layers, so $written are built, and one file gives one embedding"
echo "observed:   $built layers are built; the same text has another embedding when loaded again: $differs"
[ "$written" = 3 ] && [ "$built" = 12 ] && [ "$differs" = True ] || { echo "changed" >&2; exit 1; }
