#!/usr/bin/env bash
# LoRA on torch.nn.TransformerEncoder trains, and is not there when the model is evaluated.
#
# Expectation: an adapter that PEFT applies in training is applied in evaluation too. eval() only switches off
#   dropout, so with a dropout of 0 the outputs of train() and eval() are equal.
# Behaviour: in eval(), TransformerEncoderLayer takes its fast path. That hands the weights of linear1 and
#   linear2 to one fused operator instead of calling the layers. PEFT's layers show their frozen base weight
#   under that name, so the adapter is left out, without a warning. The loss falls in training, and every
#   evaluation measures the model as it was before. Gradient mode changes nothing, because frozen weights need
#   no gradient. After merge_and_unload the change is there, so a merged model has other answers than the
#   adapted one. A forward hook on any part, or an odd number of heads, brings the adapter back.
# Versions: peft 0.21.2, torch 2.13.0.
# Source: torch.nn.TransformerEncoderLayer's documentation, "Fast path" (conditions), and its forward; PEFT's
#   property `weight` of tuner layers. PEFT issue 761 reports an error of the same path for self_attn.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check torch==2.13.0 transformers==5.23.0 peft==0.21.2
cat > train.py <<'PY'
import peft, torch
from peft import LoraConfig, get_peft_model

torch.manual_seed(0)
torch.set_num_threads(1)
layer = torch.nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, activation="gelu", batch_first=True)
model = torch.nn.TransformerEncoder(layer, 2)
images, wanted = torch.randn(64, 5, 32), torch.randn(64, 1, 32)
adapted = get_peft_model(model, LoraConfig(r=8, lora_alpha=8, target_modules=["linear1", "linear2"]))


def loss(training):
    adapted.train(training)
    return (adapted(images).mean(1, keepdim=True) - wanted).square().mean()


start = loss(False).item()
trained = [p for p in adapted.parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(trained, lr=1e-2)
for _ in range(100):
    optimizer.zero_grad()
    loss(True).backward()
    optimizer.step()
with torch.no_grad():
    training, evaluation = loss(True).item(), loss(False).item()
    handle = adapted.base_model.model.layers[0].register_forward_hook(lambda *_: None)
    hooked = loss(False).item()  # the first layer is called plainly, the second is not
    handle.remove()
    adapted = adapted.merge_and_unload()
    merged = loss(False).item()
print(peft.__version__, torch.__version__, *(f"{v:.3f}" for v in (start, training, evaluation, hooked, merged)))
PY
read -r peft torch start training evaluation hooked merged < <(venv/bin/python -W ignore train.py 2>/dev/null | tail -1)
echo "versions:   peft $peft, torch $torch"
echo "expected:   after training the loss is below $start, and equal in train() and eval()"
echo "observed:   $training in train(), $evaluation in eval(), $merged in eval() after merging"
echo "            with a hook on the first layer $hooked in eval()"
awk "BEGIN { exit !($training < 0.8 * $start && $evaluation == $start && $merged == $training && $hooked != $start) }" \
  || { echo "changed" >&2; exit 1; }
