"""LoRA by `peft` on the CLIPModel of `transformers`, as their users write it. It has no importance weights. Those that
the others start with are part of B here, so that the loss of the first step is the same."""

import torch
from clip import contrastive_loss
from contender import serve_contender
from peft import LoraConfig, get_peft_model
from transformers import CLIPModel

targets = ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"]


class PeftLora:
    def __init__(self, directory, adapters, settings):
        model = CLIPModel.from_pretrained(directory, attn_implementation="sdpa").to(settings["device"])
        config = LoraConfig(r=settings["rank"], lora_alpha=settings["rank"], target_modules=targets)
        self.model = get_peft_model(model, config)
        self.padding = settings["padding"]
        self.end_of_text = model.config.text_config.eos_token_id
        self.load_adapters(adapters)
        self.parameters = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=settings["learning_rate"], betas=settings["betas"], weight_decay=0
        )

    @torch.no_grad()
    def load_adapters(self, adapters):
        for name, module in self.model.base_model.model.named_modules():
            if f"{name}.lora_a" in adapters:
                module.lora_A["default"].weight.copy_(adapters[f"{name}.lora_a"])
                module.lora_B["default"].weight.copy_(adapters[f"{name}.lora_b"] * adapters[f"{name}.importance"])

    def zero_grad(self):
        self.optimizer.zero_grad()

    def loss(self, pixels, ids, labels):
        outputs = self.model(pixel_values=pixels, **self.tokens(ids))
        return contrastive_loss(outputs.logits_per_image, labels)

    def tokens(self, ids):
        """The tokenizer's result with `padding=True` ("longest") or `padding="max_length"`."""
        lengths = (ids == self.end_of_text).int().argmax(-1) + 1
        longest = int(lengths.max()) if self.padding == "longest" else ids.shape[1]
        mask = (torch.arange(longest, device=ids.device) < lengths[:, None]).long()
        return {"input_ids": ids[:, :longest], "attention_mask": mask}

    def update(self):
        self.optimizer.step()

    def merge(self):
        self.model = self.model.merge_and_unload()

    def encode_texts(self, ids):
        features = self.model.get_text_features(**self.tokens(ids)).pooler_output
        return torch.nn.functional.normalize(features, dim=-1)

    def encode_images(self, pixels):
        features = self.model.get_image_features(pixel_values=pixels).pooler_output
        return self.model.logit_scale.exp() * torch.nn.functional.normalize(features, dim=-1)


serve_contender(PeftLora)
