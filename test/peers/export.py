"""The other side of export.test.ts.

    export.py base DIRECTORY         writes a small random CLIP as transformers does
    export.py features DIRECTORY     loads what was exported beside it with the library each is for, and prints their features as JSON
"""

import json
import sys
from pathlib import Path

import clip
import open_clip
import torch
from peft import AutoPeftModel, PeftModel
from safetensors.torch import load_file
from transformers import CLIPConfig, CLIPModel


def write_base(directory):
    torch.manual_seed(0)
    tower = {"hidden_size": 64, "intermediate_size": 256, "num_attention_heads": 1}
    text = {**tower, "num_hidden_layers": 3, "vocab_size": 100, "max_position_embeddings": 6, "bos_token_id": 98, "eos_token_id": 99}
    vision = {**tower, "num_hidden_layers": 2, "image_size": 32, "patch_size": 8}
    model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=24))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1:
                parameter.normal_(0, 0.1)
    model.save_pretrained(directory)


def transformers_features(model, inputs):
    pooled = [model.get_image_features(inputs["pixels"]), model.get_text_features(inputs["ids"])]
    return [getattr(features, "pooler_output", features) for features in pooled]


def openai_features(model, inputs):
    return [model.encode_image(inputs["pixels"]), model.encode_text(inputs["ids"])]


def adapted(model, adapter, expected_ranks):
    """PEFT leaves weights that it does not find in the file at their random start, and only warns."""
    model = PeftModel.from_pretrained(model, adapter).eval()
    ranks = {name: layer.r["default"] for name, layer in model.base_model.model.named_modules() if hasattr(layer, "lora_A")}
    assert ranks == expected_ranks, f"{ranks} are not {expected_ranks}"
    return model.base_model.model


def ranks_of(adapter):
    prefix, suffix = "base_model.model.", ".lora_A.weight"
    tensors = load_file(adapter / "adapter_model.safetensors")
    return {key[len(prefix) : -len(suffix)]: len(t) for key, t in tensors.items() if key.endswith(suffix)}


def openai_model(path):
    """As OpenAI's package builds it, which rounds the weights to float16; then with the exact ones."""
    state = torch.load(path, weights_only=True)
    model = clip.model.build_model(dict(state)).float()
    model.load_state_dict(state)
    return model


def load_all(directory):
    adapters = directory / "adapters"
    base, first = (CLIPModel.from_pretrained(directory / name).eval() for name in ("base", "after-0"))
    yield "peft, task 0 on the base", transformers_features, adapted(base, adapters / "0", ranks_of(adapters / "0"))
    yield "peft, task 1 on the model after task 0", transformers_features, adapted(first, adapters / "1", ranks_of(adapters / "1"))
    both = AutoPeftModel.from_pretrained(adapters / "all").eval()
    yield "peft, all tasks on the base it names", transformers_features, both.base_model.model
    yield "transformers", transformers_features, CLIPModel.from_pretrained(directory / "after-1").eval()
    yield "open_clip", openai_features, open_clip.create_model_and_transforms(f"local-dir:{directory / 'open-clip'}")[0].eval()
    yield "open_clip, checkpoint of OpenAI's", openai_features, open_clip.load_openai_model(str(directory / "openai.pt"), device="cpu")
    yield "clip", openai_features, openai_model(directory / "openai.pt")


def print_features(directory):
    inputs = load_file(directory / "inputs.safetensors")
    with torch.no_grad():
        features = {name: [f.tolist() for f in compute(model, inputs)] for name, compute, model in load_all(directory)}
    print(json.dumps(features))


if __name__ == "__main__":
    command, directory = sys.argv[1], Path(sys.argv[2])
    if command == "base":
        write_base(directory)
        print("null")
    else:
        print_features(directory)
