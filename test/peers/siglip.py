"""The other side of siglip.test.ts.

    siglip.py models DIRECTORY     writes small random SigLIPs as transformers does, and under `expected/` what it computes of them; prints the tokens
    siglip.py exported DIRECTORY   loads what was exported there with transformers, and PEFT's adapter on it, and prints their features as JSON
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
import torchvision_without_cuda  # noqa: F401
from peft import PeftModel
from PIL import Image
from safetensors.torch import load_file, save_file
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast, Siglip2Tokenizer, SiglipConfig, SiglipImageProcessor, SiglipModel
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

CONTEXT, VOCABULARY, SIZE = 16, 420, 32
TEXTS = [
    "a photo of a cat.",
    "A Photo of a RED Rose, wild & free!",
    "two  spaces,\ttabs",
    "",
    "naïve café ΟΔΟΣ İstanbul",
    "日本語 und 🌹",
    "one two three four five six seven eight nine ten eleven twelve",
]
CORPUS = ["a photo of a cat", "a photo of a red rose", "two spaces and tabs", "wild and free", "one two three four five six seven eight nine ten"]


def write_model(folder, seed, act="gelu_pytorch_tanh", **vision):
    torch.manual_seed(seed)
    layers = {"num_hidden_layers": 2, "hidden_act": act}
    text = {**layers, "hidden_size": 32, "intermediate_size": 80, "num_attention_heads": 2, "projection_size": 48}
    text |= {"vocab_size": VOCABULARY, "max_position_embeddings": CONTEXT}
    vision = {**layers, "hidden_size": 48, "intermediate_size": 96, "num_attention_heads": 3, "image_size": SIZE, "patch_size": 8, **vision}
    model = SiglipModel(SiglipConfig(text_config=text, vision_config=vision))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
        model.logit_scale.fill_(1.5)
        model.logit_bias.fill_(-2)
    model.eval().save_pretrained(folder)
    return model


def unigram():
    """SentencePiece's kind, as SigLIP has it: its class makes texts small and takes the punctuation off."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    special = ["<pad>", "</s>", "<unk>"]
    tokenizer.train_from_iterator(CORPUS, trainers.UnigramTrainer(vocab_size=200, special_tokens=special, unk_token="<unk>"))
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", tokenizer.token_to_id("</s>"))])
    return tokenizer


def gemma():
    """Gemma's kind, as SigLIP 2 has it: BPE over letters with bytes for what is not in the vocabulary."""
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokens = special + [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=400, special_tokens=tokens))
    return json.loads(tokenizer.to_str())["model"]


def canonical(text):
    """`SiglipTokenizer.canonicalize_text`, whose class needs the sentencepiece package."""
    import re
    import string

    return re.sub(r"\s+", " ", text.lower().translate(str.maketrans("", "", string.punctuation))).strip()


def tokens_of(tokenizer):
    return tokenizer(TEXTS, padding="max_length", max_length=CONTEXT, truncation=True)["input_ids"]


def write_siglip_tokenizer(folder):
    fast = PreTrainedTokenizerFast(tokenizer_object=unigram(), eos_token="</s>", pad_token="</s>", unk_token="<unk>", model_max_length=CONTEXT)
    fast.save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "tokenizer_class": "SiglipTokenizer", "do_lower_case": True}))
    return fast([canonical(text) for text in TEXTS], padding="max_length", max_length=CONTEXT, truncation=True)["input_ids"]


def write_gemma_tokenizer(folder, **options):
    model = gemma()
    merges = [tuple(pair) for pair in model["merges"]]
    tokenizer = Siglip2Tokenizer(vocab=model["vocab"], merges=merges, add_bos_token=False, add_eos_token=True, model_max_length=CONTEXT, **options)
    tokenizer.save_pretrained(folder)
    return tokens_of(AutoTokenizer.from_pretrained(folder))


def as_gemma(folder, source):
    """Under the class of published checkpoints: transformers then keeps capital letters."""
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_text((source / name).read_text())
    path = folder / "tokenizer.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}}))
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "tokenizer_class": "GemmaTokenizer"}))
    return tokens_of(AutoTokenizer.from_pretrained(folder))


def sigmoid_loss(logits):
    """arXiv:2303.15343, algorithm 1, for pairs of an image and a text in the same row."""
    signs = 2 * torch.eye(len(logits)) - 1
    return -torch.nn.functional.logsigmoid(signs * logits).sum(-1).mean()


def expect(root, name, model, processor):
    torch.manual_seed(7)
    ids = torch.randint(0, VOCABULARY, (3, CONTEXT))
    pixels = torch.randn(3, 3, model.config.vision_config.image_size, model.config.vision_config.image_size)
    output = model(input_ids=ids, pixel_values=pixels)
    sigmoid_loss(output.logits_per_image).backward()
    gradients = {f"gradient {key}": parameter.grad for key, parameter in model.named_parameters()}
    with torch.no_grad():
        images, texts = (f.pooler_output for f in (model.get_image_features(pixels), model.get_text_features(ids)))
        probabilities = torch.sigmoid(output.logits_per_image)
    prepared = processor(Image.open(root / "photo.png"), return_tensors="pt")["pixel_values"]
    tensors = {"ids": ids, "pixels": pixels, "images": images, "texts": texts, "logits": output.logits_per_image.detach()}
    tensors |= {"probabilities": probabilities, "prepared": prepared, **gradients}
    save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, root / "expected" / f"{name}.safetensors")


def write_models(root):
    (root / "expected").mkdir(parents=True, exist_ok=True)
    blocks = np.random.default_rng(5).integers(0, 256, (15, 22, 3)).repeat(5, 0).repeat(5, 1)
    Image.fromarray(blocks.astype(np.uint8)).save(root / "photo.png")
    tokens = {}
    size = {"height": SIZE, "width": SIZE}
    for seed, (name, resample) in enumerate({"siglip": 3, "siglip2": 2, "gemma": 2, "exact-gelu": 3}.items()):
        folder = root / name
        act = "gelu" if name == "exact-gelu" else "gelu_pytorch_tanh"
        left_over = {"image_size": 37} if name == "exact-gelu" else {}
        model = write_model(folder, seed, act, **left_over)
        if left_over:
            size = {"height": 37, "width": 37}
        SiglipImageProcessor(size=size, resample=resample).save_pretrained(folder)
        expect(root, name, model, SiglipImageProcessorPil.from_pretrained(folder))
    tokens["siglip"] = write_siglip_tokenizer(root / "siglip")
    tokens["siglip2"] = write_gemma_tokenizer(root / "siglip2", padding_side="right")
    tokens["gemma"] = as_gemma(root / "gemma", root / "siglip2")
    tokens["left"] = write_gemma_tokenizer(root / "left")
    return {"texts": TEXTS, "tokens": tokens}


def features(model, inputs):
    with torch.no_grad():
        return [f.pooler_output.tolist() for f in (model.get_image_features(inputs["pixels"]), model.get_text_features(inputs["ids"]))]


def read_exported(root):
    inputs = load_file(root / "inputs.safetensors")
    model, loading = SiglipModel.from_pretrained(root / "exported", output_loading_info=True)
    base = SiglipModel.from_pretrained(root / "base")
    tokenizer = AutoTokenizer.from_pretrained(root / "exported")
    return {
        "problems": [str(key) for keys in loading.values() for key in keys],
        "features": features(model.eval(), inputs),
        "adapted": features(PeftModel.from_pretrained(base, root / "adapter").eval().base_model.model, inputs),
        "tokens": tokens_of(tokenizer),
        "processor": SiglipImageProcessorPil.from_pretrained(root / "exported").to_dict()["size"],
    }


what, directory = sys.argv[1], Path(sys.argv[2])
print(json.dumps(write_models(directory) if what == "models" else read_exported(directory)))
