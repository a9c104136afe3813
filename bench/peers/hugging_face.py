"""Zero-shot classification by the CLIPModel of `transformers`, weights in the precision that is asked for."""

import torch
import torch.nn.functional as F
from contender import serve_contender
from transformers import CLIPModel


class HuggingFace:
    parameters = ()

    def __init__(self, directory, adapters, settings):
        self.dtype = getattr(torch, settings["precision"])
        self.model = CLIPModel.from_pretrained(directory, attn_implementation="sdpa", dtype=self.dtype)
        self.model.to(settings["device"]).eval()

    def encode_texts(self, ids):
        return F.normalize(self.model.get_text_features(input_ids=ids).pooler_output, dim=-1)

    def encode_images(self, pixels):
        features = self.model.get_image_features(pixel_values=pixels.to(self.dtype)).pooler_output
        return self.model.logit_scale.exp() * F.normalize(features, dim=-1)


serve_contender(HuggingFace)
