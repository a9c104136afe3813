"""Zero-shot probabilities by transformers. Arguments: model directory, template, labels separated by commas, image files."""

import json
import sys

import torch
from PIL import Image
from transformers import CLIPImageProcessor, CLIPModel, PreTrainedTokenizerFast

directory, template, labels, *paths = sys.argv[1:]
model = CLIPModel.from_pretrained(directory).eval()
tokenizer = PreTrainedTokenizerFast.from_pretrained(directory)
processor = CLIPImageProcessor.from_pretrained(directory)
prompts = [template.replace("{}", label) for label in labels.split(",")]
texts = tokenizer(prompts, padding=True, return_tensors="pt")
images = processor([Image.open(path).convert("RGB") for path in paths], return_tensors="pt")
with torch.no_grad():
    logits = model(input_ids=texts["input_ids"], attention_mask=texts["attention_mask"], **images).logits_per_image
print(json.dumps(logits.softmax(-1).tolist()))
