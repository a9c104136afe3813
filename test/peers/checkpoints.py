"""Writes small random CLIP models with the libraries that define the formats: checkpoints.py DIRECTORY

Each model lies in a folder or file of its own, and in `expected/<name>.safetensors` lie inputs, and the features that the library computes in float32.
Prints the names.
"""

import json
import os
import sys
from pathlib import Path

import clip.model
import open_clip
import torch
from open_clip.push_to_hf_hub import save_config_for_hf
from safetensors.torch import save_file
from transformers import CLIPConfig, CLIPModel

WIDTH, VOCABULARY, CONTEXT, IMAGE, PATCH, EMBED = 64, 600, 12, 32, 8, 24
names = []


def randomise(model):
    torch.manual_seed(len(names))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 0:
                parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return model.eval()


def make_inputs():
    ids = torch.zeros(3, CONTEXT, dtype=torch.long)
    for row, length in enumerate([3, 7, CONTEXT]):
        ids[row, 0] = VOCABULARY - 2
        ids[row, 1 : length - 1] = torch.randint(1, VOCABULARY - 2, (length - 2,))
        ids[row, length - 1] = VOCABULARY - 1
    return {"pixels": torch.randn(3, 3, IMAGE, IMAGE), "ids": ids}


def expect(directory, name, image_features, text_features):
    """Keeps what a model gives under the name of its folder or file."""
    inputs = make_inputs()
    with torch.no_grad():
        features = [encode(inputs[key]) for encode, key in [(image_features, "pixels"), (text_features, "ids")]]
    images, texts = (getattr(of, "pooler_output", of).contiguous() for of in features)
    save_file({**inputs, "images": images, "texts": texts}, directory / "expected" / f"{name}.safetensors")
    names.append(name)


def write_transformers(directory):
    tower = {"hidden_size": WIDTH, "intermediate_size": 4 * WIDTH, "num_attention_heads": 2, "hidden_act": "quick_gelu"}
    text = {**tower, "num_hidden_layers": 3, "vocab_size": VOCABULARY, "max_position_embeddings": CONTEXT}
    text |= {"bos_token_id": VOCABULARY - 2, "eos_token_id": VOCABULARY - 1}
    vision = {**tower, "num_hidden_layers": 2, "image_size": IMAGE, "patch_size": PATCH}
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=EMBED)

    def variant(name, save, dtype=torch.float32):
        model = randomise(CLIPModel(config)).to(dtype)
        save(model, directory / name)
        model.float()
        expect(directory, name, model.get_image_features, model.get_text_features)

    def save_bin(model, path):
        config.save_pretrained(path)
        torch.save(model.state_dict(), path / "pytorch_model.bin")

    def save_sharded_bin(model, path):
        config.save_pretrained(path)
        state = list(model.state_dict().items())
        parts = {"pytorch_model-00001-of-00002.bin": state[::2], "pytorch_model-00002-of-00002.bin": state[1::2]}
        for part, entries in parts.items():
            torch.save(dict(entries), path / part)
        index = {"metadata": {}, "weight_map": {key: part for part, entries in parts.items() for key, _ in entries}}
        (path / "pytorch_model.bin.index.json").write_text(json.dumps(index))

    variant("transformers", lambda model, path: model.save_pretrained(path))
    variant("transformers-sharded", lambda model, path: model.save_pretrained(path, max_shard_size="200KB"))
    variant("transformers-bin", save_bin)
    variant("transformers-bin-sharded", save_sharded_bin)
    variant("transformers-float16", lambda model, path: model.save_pretrained(path), torch.float16)
    variant("transformers-bfloat16-bin", save_bin, torch.bfloat16)


def write_open_clip(directory):
    vision = {"image_size": IMAGE, "patch_size": PATCH, "width": WIDTH, "layers": 2, "head_width": 16, "mlp_ratio": 3.0}
    text = {"context_length": CONTEXT, "vocab_size": VOCABULARY, "width": 48, "heads": 3, "layers": 3}

    def variant(name, quick_gelu, save):
        config = {"embed_dim": EMBED, "quick_gelu": quick_gelu, "vision_cfg": vision, "text_cfg": text}
        model = randomise(open_clip.CLIP(**config))
        open_clip.model.set_model_preprocess_cfg(model, {"size": IMAGE, "mean": (0.5, 0.4, 0.3), "std": (0.2, 0.3, 0.1)})
        (directory / name).mkdir()
        save_config_for_hf(model, directory / name / "open_clip_config.json", model_config=config)
        save(model.state_dict(), directory / name)
        expect(directory, name, model.encode_image, model.encode_text)

    def save_safetensors(state, path):
        save_file(state, path / "open_clip_model.safetensors")

    variant("open-clip", False, save_safetensors)
    variant("open-clip-quick-gelu", True, save_safetensors)
    variant("open-clip-bin", False, lambda state, path: torch.save(state, path / "open_clip_pytorch_model.bin"))


def openai_model():
    return randomise(clip.model.CLIP(EMBED, IMAGE, 2, 2 * WIDTH, PATCH, CONTEXT, VOCABULARY, WIDTH, 1, 3))


def write_openai(directory):
    def variant(name, save, half=False):
        model = openai_model()
        if half:
            clip.model.convert_weights(model)
        save(model, directory / name)
        model.float()
        expect(directory, name, model.encode_image, model.encode_text)

    def save_script(model, path):
        inputs = make_inputs()
        methods = {"encode_image": (inputs["pixels"],), "encode_text": (inputs["ids"],)}
        torch.jit.trace_module(model, methods, check_trace=False).save(path)

    def save_training_checkpoint(model, path):
        state = {f"module.{key}": value for key, value in model.state_dict().items()}
        optimizer = torch.optim.AdamW(model.parameters())
        torch.save({"epoch": 3, "name": "run", "state_dict": state, "optimizer": optimizer.state_dict()}, path)

    variant("openai-state.pt", lambda model, path: torch.save(model.state_dict(), path))
    variant("openai-state-half.pt", lambda model, path: torch.save(model.state_dict(), path), half=True)
    variant("openai-script.pt", save_script)
    variant("openai-lone.safetensors", lambda model, path: save_file(model.state_dict(), path))
    variant("openai-training.pt", save_training_checkpoint)


class Command:
    def __reduce__(self):
        return os.system, ("echo harm",)


def write_harmful(directory):
    state = openai_model().state_dict()
    torch.save({**state, "logit_scale": Command()}, directory / "harmful.pt")


root = Path(sys.argv[1])
(root / "expected").mkdir()
write_transformers(root)
write_open_clip(root)
write_openai(root)
write_harmful(root)
print(json.dumps(names))
