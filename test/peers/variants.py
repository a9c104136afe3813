"""The other side of variants.test.ts: writes small random CLIPs as people have them, and what their own libraries compute: variants.py DIRECTORY

Prints the cases: the path of a model below DIRECTORY, and what else there is to know. `expected/<name>.safetensors` holds inputs and features, and
what the image processor makes of `photo.png` where there is a case of it.
"""

import argparse
import json
import shutil
import sys
from collections import Counter, OrderedDict
from pathlib import Path

import clip.model
import numpy as np
import open_clip
import peft
import timm
import torch
import torchvision_without_cuda  # noqa: F401
from open_clip.tokenizer import HFTokenizer, SimpleTokenizer, default_bpe
from open_clip.transform import image_transform
from PIL import Image
from safetensors.torch import save_file
from timm.models._hub import save_for_hf
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTokenizer

WIDTH, VOCABULARY, CONTEXT, EMBED = 64, 600, 12, 24
ROOT = Path(sys.argv[1])
MINIATURE = Path(__file__).parents[2] / "assets" / "miniature-clip"
cases = {}


def randomise(model, seed=None):
    torch.manual_seed(len(cases) if seed is None else seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 0 and "logit" not in name:
                parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return model.eval()


def expect(name, path, model, size=32, extra={}, **case):
    torch.manual_seed(7)
    ids = torch.full((3, CONTEXT), VOCABULARY - 1)
    for row, length in enumerate([3, 7, CONTEXT]):
        ids[row, 0] = VOCABULARY - 2
        ids[row, 1 : length - 1] = torch.randint(1, VOCABULARY - 2, (length - 2,))
    inputs = {"pixels": torch.randn(3, 3, size, size), "ids": ids}
    encode = [getattr(model, n, None) for n in ("get_image_features", "get_text_features")]
    image, text = encode if encode[0] else (model.encode_image, model.encode_text)
    # OpenAI's towers read the highest id, of which the first counts.
    with torch.no_grad():
        features = [getattr(f, "pooler_output", f).contiguous() for f in (image(inputs["pixels"]), text(ids))]
    save_file({**inputs, "images": features[0], "texts": features[1], **extra}, ROOT / "expected" / f"{name}.safetensors")
    cases[name] = {"path": str(path.relative_to(ROOT)), **case}


def hf(text={}, vision={}, act="quick_gelu"):
    tower = {"hidden_size": WIDTH, "intermediate_size": 96, "num_attention_heads": 2, "num_hidden_layers": 2, "hidden_act": act}
    t = {**tower, "vocab_size": VOCABULARY, "max_position_embeddings": CONTEXT}
    t |= {"bos_token_id": VOCABULARY - 2, "eos_token_id": VOCABULARY - 1, "pad_token_id": VOCABULARY - 1}
    v = {**tower, "image_size": 32, "patch_size": 8}
    return randomise(CLIPModel(CLIPConfig(text_config={**t, **text}, vision_config={**v, **vision}, projection_dim=EMBED)))


def oc_config(quick_gelu=True, vision={}, **more):
    v = {"image_size": 32, "patch_size": 8, "width": WIDTH, "layers": 2, "head_width": 64, **vision}
    t = {"context_length": CONTEXT, "vocab_size": VOCABULARY, "width": WIDTH, "heads": 1, "layers": 2}
    return {"embed_dim": EMBED, "quick_gelu": quick_gelu, "vision_cfg": v, "text_cfg": t, **more}


def oc(config, kind="CLIP"):
    return randomise(getattr(open_clip, kind)(**{k: v for k, v in config.items() if k != "custom_text"}))


def oc_folder(name, config, state, preprocess={}):
    folder = ROOT / name
    folder.mkdir(exist_ok=True)
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": preprocess}))
    save_file({k: v.contiguous() for k, v in state.items()}, folder / "open_clip_model.safetensors")
    return folder


def openai_model():
    return randomise(clip.model.CLIP(EMBED, 32, 2, WIDTH, 8, CONTEXT, VOCABULARY, WIDTH, 1, 2))


def prefixed(prefix, model):
    return {prefix + key: value for key, value in model.state_dict().items()}


def write_variants_of_open_clip():
    for name, config, kind in [
        ("custom-text", oc_config(custom_text=True), "CustomTextCLIP"),
        ("logit-bias", oc_config(quick_gelu=False, init_logit_bias=-10.0), "CLIP"),
        ("scale-of-one-element", oc_config(nonscalar_logit_scale=True), "CLIP"),
        ("patches-left-over", oc_config(vision={"image_size": 35}), "CLIP"),
    ]:
        model = oc(config, kind)
        expect(name, oc_folder(name, config, model.state_dict()), model, size=config["vision_cfg"]["image_size"])
    config = oc_config()
    model = oc(config)
    expect("module-in-safetensors", oc_folder("module-in-safetensors", config, prefixed("module.", model)), model)
    model = oc(config)
    folder = oc_folder("timm", config, model.state_dict())
    save_for_hf(timm.create_model("vit_tiny_patch16_224", num_classes=EMBED, depth=1, pre_norm=True), folder, safe_serialization=True)
    expect("timm", folder, model)
    model = oc(oc_config(quick_gelu=True))
    folder = oc_folder("activation", oc_config(quick_gelu=False), model.state_dict())
    expect("activation", folder, model, options={"activation": "quick_gelu"}, note="computes quick_gelu")


def write_training_checkpoints():
    def save(name, model, checkpoint, note="", **case):
        torch.save(checkpoint, ROOT / f"{name}.pt")
        expect(name, ROOT / f"{name}.pt", model, options={"activation": "quick_gelu"}, note=note, **case)

    model = openai_model()
    save("model-state-dict", model, {"epoch": 3, "model_state_dict": model.state_dict(), "loss": torch.tensor(2.0)}, "model_state_dict.")
    model = openai_model()
    save("compiled", model, {"model": prefixed("_orig_mod.module.", model)}, "model._orig_mod.module.")
    model = openai_model()
    head = {"head.weight": torch.zeros(3, EMBED)}
    lightning = {"state_dict": {**prefixed("net.clip_model.", model), **head}, "pytorch-lightning_version": "2.5.0", "loops": {}}
    save("lightning", model, lightning, "net.clip_model.")
    model, average = openai_model(), openai_model()
    save("with-average", model, {"model": model.state_dict(), "ema": average.state_dict()}, "weights")
    expect("average", ROOT / "with-average.pt", average, options={"activation": "quick_gelu", "weights": "ema"})
    model = openai_model()
    compiled_tower = {k.replace("visual.", "visual._orig_mod.", 1): v for k, v in model.state_dict().items()}
    save("compiled-tower", model, {"module": compiled_tower, "ds_version": "0.16"}, "module.")
    model = openai_model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4)
    optimizer.param_groups[0]["lr"] = 0.5 * (1 + np.cos(np.pi * 0.25)) * 5e-4
    values = {
        "dtype": torch.float16,
        "device": torch.device("cuda:0"),
        "size": torch.Size([3, 4]),
        "counts": Counter("aab"),
        "ordered": OrderedDict(a=1),
        "set": {1, 2},
        "bytes": bytearray(b"ab"),
        "complex": 1j,
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "layout": torch.strided,
        "float8": torch.ones(2).to(torch.float8_e4m3fn),
        "uint16": torch.ones(2, dtype=torch.uint16),
        "sparse": torch.eye(2).to_sparse(),
        "array": np.arange(3.0),
        "numbers": [np.float32(1.5), np.int64(7), np.bool_(True), np.str_("text")],
    }
    checkpoint = {"state_dict": prefixed("module.", model), "optimizer": optimizer.state_dict(), "values": values}
    save("values", model, checkpoint, "sparse")
    model = openai_model()
    save("arguments", model, {"args": argparse.Namespace(lr=1), "path": Path("a"), "state_dict": model.state_dict()}, "argparse.Namespace")
    model = openai_model()
    state = {k: v.to(torch.float8_e5m2) if v.dim() == 2 else v for k, v in model.state_dict().items()}
    model.load_state_dict({k: v.float() for k, v in state.items()})
    save("float8", model, {"state_dict": state})
    model = openai_model()
    state = {**model.state_dict(), "input_resolution": torch.tensor(32), "context_length": torch.tensor(CONTEXT)}
    torch.save({**state, "vocab_size": torch.tensor(VOCABULARY)}, ROOT / "openai-sizes.bin")
    expect("openai-sizes", ROOT / "openai-sizes.bin", model)


def write_variants_of_transformers():
    model = hf(vision={"image_size": 35})
    model.save_pretrained(ROOT / "hf-patches-left-over")
    expect("hf-patches-left-over", ROOT / "hf-patches-left-over", model, size=35)
    for name, dtype in [("hf-float8", torch.float8_e4m3fn), ("hf-float8-e5m2", torch.float8_e5m2)]:
        model = hf()
        model.save_pretrained(ROOT / name)
        state = {k: v.to(dtype) if v.dim() == 2 else v for k, v in model.state_dict().items()}
        save_file({k: v.contiguous() for k, v in state.items()}, ROOT / name / "model.safetensors", {"format": "pt"})
        model.load_state_dict({k: v.float() for k, v in state.items()})
        expect(name, ROOT / name, model)
    model = hf()
    model.save_pretrained(ROOT / "hf-prefix")
    save_file({k: v.contiguous() for k, v in prefixed("clip.", model).items()}, ROOT / "hf-prefix" / "model.safetensors")
    expect("hf-prefix", ROOT / "hf-prefix", model, note="'clip.'")
    model = hf(act="gelu")
    model.save_pretrained(ROOT / "legacy-dicts")
    path = ROOT / "legacy-dicts" / "config.json"
    config = json.loads(path.read_text())
    for tower in ("text", "vision"):
        left_out = ("hidden_act", "layer_norm_eps")
        config[f"{tower}_config_dict"] = {k: v for k, v in config[f"{tower}_config"].items() if k not in left_out}
    path.write_text(json.dumps(config))
    expect("legacy-dicts", path.parent, CLIPModel.from_pretrained(path.parent).eval())


def write_adapters():
    (ROOT / "adapters").mkdir()
    base = hf()
    base.save_pretrained(ROOT / "base")
    attention = ["q_proj", "v_proj"]
    kinds = {
        "alpha": {"r": 4, "lora_alpha": 8},
        "rank-pattern": {"r": 4, "lora_alpha": 4, "rank_pattern": {"text_model.*.q_proj": 2, r"layers\.1\..*v_proj": 3}},
        "alpha-pattern": {"r": 4, "lora_alpha": 4, "alpha_pattern": {"q_proj": 16, "layers.0.self_attn.v_proj": 1}},
        "rslora": {"r": 4, "lora_alpha": 4, "use_rslora": True},
        "rslora-patterns": {"r": 4, "use_rslora": True, "rank_pattern": {"q_proj": 2}, "alpha_pattern": {"v_proj": 3}},
        "bin": {"r": 4, "lora_alpha": 4},
        "embeddings": {"r": 4, "lora_alpha": 6, "target_modules": ["token_embedding", "patch_embedding", "fc1"]},
        "all-linear": {"r": 2, "target_modules": "all-linear"},
        "gaussian": {"r": 4, "init_lora_weights": "gaussian"},
        "orthogonal": {"r": 4, "init_lora_weights": "orthogonal"},
    }
    refused = {
        "pissa": ({"init_lora_weights": "pissa"}, "init_lora_weights"),
        "olora": ({"init_lora_weights": "olora"}, "init_lora_weights"),
        "dora": ({"use_dora": True}, "use_dora"),
        "modules-to-save": ({"modules_to_save": ["visual_projection"]}, "modules_to_save"),
        "bias": ({"bias": "lora_only"}, "bias"),
        "lora-bias": ({"lora_bias": True}, "lora_bias"),
    }
    for name, options in {**kinds, **{name: options for name, (options, _) in refused.items()}}.items():
        fresh = CLIPModel.from_pretrained(ROOT / "base")
        config = peft.LoraConfig(**{"target_modules": attention, **options})
        adapted = peft.get_peft_model(fresh, config)
        if name in kinds:
            randomise(adapted, 5)
        path = ROOT / "adapters" / name
        adapted.save_pretrained(path, safe_serialization=name != "bin")
        again = peft.PeftModel.from_pretrained(CLIPModel.from_pretrained(ROOT / "base"), path).eval()
        refusal = {"refusal": refused[name][1]} if name in refused else {}
        expect(f"adapter {name}", ROOT / "base", again.base_model.model, adapter=f"adapters/{name}", **refusal)


def write_image_processors():
    torch.manual_seed(0)
    noise = torch.randint(0, 256, (8, 6, 3), dtype=torch.uint8).numpy()
    photo = Image.fromarray(noise).resize((60, 80), Image.Resampling.BICUBIC)
    photo.save(ROOT / "photo.png")
    model = hf()
    half = [0.5] * 3
    square = {"height": 32, "width": 32}
    cropped = {"size": {"shortest_edge": 32}, "crop_size": square}
    kinds = {
        "mean": {**cropped, "image_mean": half, "image_std": [0.3, 0.2, 0.4]},
        "rescale": {**cropped, "rescale_factor": 1 / 127.5, "image_mean": [1.0] * 3, "image_std": [1.0] * 3},
        "no-normalize": {**cropped, "do_normalize": False},
        "no-rescale": {**cropped, "do_rescale": False},
        "squash": {"size": square, "do_center_crop": False},
        "squash-and-crop": {"size": {"height": 40, "width": 40}, "crop_size": square},
        "one-mean": {**cropped, "image_mean": half},
        "larger": {"size": {"shortest_edge": 40}, "crop_size": square},
    }
    for name, options in kinds.items():
        path = ROOT / f"processor-{name}"
        model.save_pretrained(path)
        processor = CLIPImageProcessor(**options)
        processor.save_pretrained(path)
        if name == "one-mean":
            config = json.loads((path / "preprocessor_config.json").read_text())
            (path / "preprocessor_config.json").write_text(json.dumps({**config, "image_mean": 0.5}))
        prepared = processor(photo, return_tensors="pt")["pixel_values"].float().contiguous()
        expect(f"processor {name}", path, model, extra={"prepared": prepared})
    path = ROOT / "processor-nested"
    model.save_pretrained(path)
    CLIPImageProcessor(**cropped).save_pretrained(path)  # contradicts
    images = CLIPImageProcessor(**kinds["mean"])
    tokenizer = CLIPTokenizer.from_pretrained(MINIATURE)
    CLIPProcessor(images, tokenizer).save_pretrained(path)
    for file in path.glob("*token*"):
        file.unlink()
    prepared = CLIPImageProcessor.from_pretrained(path)(photo, return_tensors="pt")["pixel_values"].float().contiguous()
    expect("processor nested", path, model, extra={"prepared": prepared})
    config = oc_config()
    squashed = oc(config)
    folder = oc_folder("squash", config, squashed.state_dict(), {"mean": half, "std": half, "resize_mode": "squash", "size": 99})
    prepared = image_transform(32, is_train=False, mean=half, std=half, resize_mode="squash")(photo)[None].contiguous()
    expect("open_clip squash", folder, squashed, extra={"prepared": prepared})


TEXTS = [
    "a photo of a bird’s nest.",
    "“Lion’s” tail",
    "salt &amp; pepper, it&#39;s &lt;b&gt;",
    "ﬁre engine ĳsbeer ǅ",
    "â€œquotedâ€\u009d cafÃ© â€“ dash",
    "ＦＵＬＬ　width",
    "don't they're you'LL",
    "日本語 テキスト",
    "🙂 smile 👨‍👩‍👧",
    "  a   b\t c\r\nd ",
    "ΣΑΣ İstanbul ẞ",
    "re\u0301sume\u0301 \ufeffbom \x07bell",
    "if a<b &amp; c",
]


def write_tokenizers():
    model = hf()
    source = json.loads((MINIATURE / "tokenizer.json").read_text())["model"]
    size = len(source["vocab"])
    model = hf(text={"vocab_size": size, "bos_token_id": size - 2, "eos_token_id": size - 1, "max_position_embeddings": 77})
    path = ROOT / "slow-tokenizer"
    model.save_pretrained(path)
    (path / "vocab.json").write_text(json.dumps(source["vocab"]))
    pairs = [merge if isinstance(merge, str) else " ".join(merge) for merge in source["merges"]]
    (path / "merges.txt").write_text("#version: 0.2\n" + "\n".join(pairs) + "\n")
    cases["slow tokenizer"] = {"path": path.name, "texts": TEXTS, "tokens": CLIPTokenizer.from_pretrained(path)(TEXTS)["input_ids"]}
    path = ROOT / "fast-tokenizer"
    model.save_pretrained(path)
    tokenizer = CLIPTokenizer.from_pretrained(MINIATURE)
    tokenizer.save_pretrained(path)
    cases["fast tokenizer"] = {"path": path.name, "texts": TEXTS, "tokens": tokenizer(TEXTS)["input_ids"]}

    def cut(rows, end):
        return [row[: row.tolist().index(end) + 1].tolist() for row in rows]

    config = oc_config()
    config["text_cfg"] |= {"vocab_size": size, "context_length": 77, "hf_tokenizer_name": "."}
    path = oc_folder("open-clip-tokenizer", config, oc(config).state_dict())
    tokenizer.save_pretrained(path)
    tokens = cut(HFTokenizer(str(path), context_length=77)(TEXTS), size - 1)
    cases["open_clip tokenizer"] = {"path": path.name, "texts": TEXTS, "tokens": tokens}
    config["text_cfg"] |= {"vocab_size": 49408, "width": 64}
    del config["text_cfg"]["hf_tokenizer_name"]
    path = oc_folder("simple-tokenizer", config, oc(config).state_dict())
    shutil.copy(default_bpe(), path)
    cases["simple tokenizer"] = {"path": path.name, "texts": TEXTS, "tokens": cut(SimpleTokenizer(context_length=77)(TEXTS), 49407)}


(ROOT / "expected").mkdir()
write_variants_of_open_clip()
write_training_checkpoints()
write_variants_of_transformers()
write_adapters()
write_image_processors()
write_tokenizers()
print(json.dumps(cases))
