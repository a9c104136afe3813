"""The other side of stream.test.ts.

    stream.py base DIRECTORY              writes a small random CLIP with CLIP's vocabulary size, as transformers does
    stream.py features MODEL IMAGE...     unit features of image files by a model that codyra exported
"""

import json
import sys

import torch
from PIL import Image
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

command, directory, *images = sys.argv[1:]
if command == "base":
    torch.manual_seed(0)
    tower = {"hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 2, "num_hidden_layers": 2}
    vision = {**tower, "image_size": 64, "patch_size": 16}
    text = {**tower, "vocab_size": 49408, "max_position_embeddings": 77}
    CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=32)).save_pretrained(directory)
    CLIPImageProcessor(size={"shortest_edge": 64}, crop_size={"height": 64, "width": 64}).save_pretrained(directory)
    print("null")
else:
    model = CLIPModel.from_pretrained(directory).eval()
    processor = CLIPImageProcessor.from_pretrained(directory)
    pixels = processor([Image.open(path).convert("RGB") for path in images], return_tensors="pt")
    with torch.no_grad():
        features = model.get_image_features(**pixels)
    features = getattr(features, "pooler_output", features)
    print(json.dumps(torch.nn.functional.normalize(features).tolist()))
