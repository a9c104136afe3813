#!/usr/bin/env bash
# One SigLIP 2 prompt is two different token sequences in transformers and in open_clip.
#
# Expectation: both libraries load the same weights and the same tokenizer file, so a prompt has the same tokens in both. Both lower capitals, as
#   SigLIP 2 was trained; transformers has had a Siglip2Tokenizer for that since version 5.
# Behaviour: they agree on capitals only. open_clip also deletes punctuation for every SigLIP 2 (`clean: canonicalize` in its configurations),
#   which is what big_vision's evaluation of zero-shot classification does; transformers keeps it. CLIP's usual template, "a photo of a
#   {}.", therefore has one token more in transformers. A hyphen is deleted without a space in its place, so "black-and-white" becomes another
#   word altogether. For the first SigLIP both delete punctuation. Features of such texts differ between the
#   libraries, and accuracies with templates that end in a full stop cannot be compared.
# Versions: transformers 5.23.0, open_clip_torch 3.3.0, torch 2.13.0.
# Source: transformers' tokenization_siglip2.py; open_clip's ViT-B-16-SigLIP2.json and tokenizer.canonicalize_text; big_vision's
#   evaluators/proj/image_text/prompt_engineering.py; NVlabs/RADIO pull request 142, which reports the loss of accuracy.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check torch==2.13.0 torchvision==0.28.0 transformers==5.23.0 open_clip_torch==3.3.0
cat > compare.py <<'PY'
import importlib.metadata
import json
import torch

if torch.version.cuda is None and "+cu" in importlib.metadata.distribution("torchvision").read_text("../torchvision/version.py"):
    for name in ("nms", "qnms"):  # torchvision for CUDA beside a torch for CPUs; nothing here needs its operators
        torch.library.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
import open_clip
import transformers
from open_clip.tokenizer import HFTokenizer
from tokenizers import Tokenizer, models, normalizers, trainers
from transformers import AutoTokenizer, Siglip2Tokenizer

# A small vocabulary in the form of Gemma's, in place of 256,000 entries.
texts = ["a photo of a cat.", "a photo of a dog.", "a black-and-white photo of a person's t-shirt."]
learned = Tokenizer(models.BPE(unk_token="<unk>"))
learned.normalizer = normalizers.Replace(" ", "▁")
special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
learned.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=60, special_tokens=special, show_progress=False))
model = json.loads(learned.to_str())["model"]
Siglip2Tokenizer(vocab=model["vocab"], merges=[tuple(pair) for pair in model["merges"]]).save_pretrained("siglip2")

one = AutoTokenizer.from_pretrained("siglip2")
settings = open_clip.get_model_config("ViT-B-16-SigLIP2")["text_cfg"]
other = HFTokenizer("siglip2", context_length=settings["context_length"], **settings["tokenizer_kwargs"])


def both(text):
    pad = one.pad_token_id
    first = [i for i in one([text], padding="max_length", max_length=64)["input_ids"][0] if i != pad]
    second = [i for i in other([text])[0].tolist() if i != pad]
    return first, second


print(f"versions:   transformers {transformers.__version__}, open_clip {open_clip.__version__}")
print("expected:   the same tokens in both libraries, of every text")
for text in ("A photo of a cat", "A photo of a cat.", "a black-and-white photo"):
    first, second = both(text)
    print(f"observed:   {text!r}: {'the same' if first == second else 'different'},", one.decode(first), "|", one.decode(second))
capitals, stop, hyphen = both("A photo of a cat"), both("A photo of a cat."), both("a black-and-white photo")
as_described = capitals[0] == capitals[1] and stop[0] != stop[1] and stop[1] == capitals[1] and hyphen[0] != hyphen[1]
raise SystemExit(0 if as_described else "changed")
PY
venv/bin/python -W ignore compare.py 2>/dev/null
