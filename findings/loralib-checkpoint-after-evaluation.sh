#!/usr/bin/env bash
# A state_dict that loralib gives after an evaluation has the adapter's change twice when it is loaded.
#
# Expectation: state_dict() and load_state_dict() keep what a model computes, whatever mode it is in. Saving
#   the best checkpoint right after its evaluation is the usual time, and the tensors have the same names and
#   shapes.
# Behaviour: eval() adds B A to the weight and notes that in a Python attribute, which state_dict does not
#   hold. A checkpoint of that moment has the sum as `weight`, and A and B beside it. A new model takes all
#   three, knows of no sum, and adds B A once more: at its own eval(), or in each forward pass of a training
#   that goes on. Loading is strict and complete, so nothing is missing or left over. A checkpoint that is
#   saved in train() is right, and so is one of eval() that is loaded into a model after eval(). An accuracy
#   that is measured again from the file therefore differs from the one that chose it, and looks like
#   forgetting.
# Versions: loralib 0.1.2, torch 2.13.0.
# Source: loralib's README, which saves lora_state_dict(model) beside the pretrained weights, and says that
#   eval() merges; loralib.layers.Linear.train (attribute `merged`).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check torch==2.13.0 numpy==2.4.6 loralib==0.1.2
cat > load.py <<'PY'
import importlib.metadata
import loralib, torch

torch.manual_seed(0)
torch.set_num_threads(1)
images = torch.randn(8, 16)


def network():
    return torch.nn.Sequential(loralib.Linear(16, 16, r=4))


def change(model, mode):
    """How many times the adapter's change is in the answers of a model that loads this one's state."""
    with torch.no_grad():
        model.train(mode)
        loaded = network()
        loaded.load_state_dict(model.state_dict())
        evaluated = loaded.eval()(images)
        resumed = network()
        resumed.load_state_dict(model.state_dict())
        trained = resumed.train()(images)
    return [round(((y - plain) * wanted).sum().div(wanted.square().sum()).item(), 3) for y in (evaluated, trained)]


model = network()
with torch.no_grad():
    plain = model(images)  # lora_B is 0 as yet
    torch.nn.init.normal_(model[0].lora_B)
    wanted = model(images) - plain
print(importlib.metadata.version("loralib"), torch.__version__, *change(model, True), *change(model, False))
PY
read -r loralib torch train trainOn evaluation evaluationOn < <(venv/bin/python -W ignore load.py)
echo "versions:   loralib $loralib, torch $torch"
echo "expected:   a loaded model has the adapter's change once"
echo "observed:   saved in train(): $train times in evaluation, $trainOn times in training"
echo "            saved in eval(): $evaluation times in evaluation, $evaluationOn times in training"
[ "$train $trainOn $evaluation $evaluationOn" = "1.0 1.0 2.0 2.0" ] || { echo "changed" >&2; exit 1; }
