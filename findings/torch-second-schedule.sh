#!/usr/bin/env bash
# The second task's learning rate is obeyed by torch's cosine schedule, and ignored by that of transformers.
#
# Expectation: one optimizer serves a stream of tasks. Before each task one sets group["lr"] and makes a new
#   schedule, which starts from the rate that it finds. Two libraries' cosines agree.
# Behaviour: the first schedule writes group["initial_lr"], and later ones leave the entry as it is. Schedules
#   that multiply the current rate, such as CosineAnnealingLR and StepLR, start from the new rate. Those that
#   compute from the base rate, such as LambdaLR, start from the first task's. transformers builds its
#   constant, linear, cosine, polynomial and WSD schedules on LambdaLR, so task 2 is trained at ten times the
#   rate that was set. get_last_lr tells the truth, but no warning is given. The entry is part of the
#   optimizer's state_dict: whoever loads a checkpoint and then lowers the rate for fine-tuning gets the old
#   rate too.
# Versions: torch 2.13.0, transformers 5.23.0.
# Source: torch.optim.lr_scheduler.LRScheduler.__init__ (setdefault of initial_lr); LambdaLR's documentation
#   ("the initial lr times a given function"); transformers.get_cosine_schedule_with_warmup.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check torch==2.13.0 transformers==5.23.0
cat > rates.py <<'PY'
import torch, transformers
from torch.optim.lr_scheduler import CosineAnnealingLR

STEPS = 10
SCHEDULES = {
    "torch": lambda optimizer: CosineAnnealingLR(optimizer, STEPS),
    "transformers": lambda optimizer: transformers.get_cosine_schedule_with_warmup(optimizer, 0, STEPS),
}


def train(optimizer, schedule):
    """The highest rate of a task's steps."""
    rates = []
    for _ in range(STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return max(rates)


def optimizer_of(rate):
    return torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=rate)


highest = []
for make in SCHEDULES.values():
    optimizer = optimizer_of(1e-3)
    highest.append(train(optimizer, make(optimizer)))
    saved = optimizer.state_dict()
    optimizer.param_groups[0]["lr"] = 1e-4
    highest.append(train(optimizer, make(optimizer)))
    resumed = optimizer_of(1e-4)
    resumed.load_state_dict(saved)
    resumed.param_groups[0]["lr"] = 1e-4
    highest.append(train(resumed, make(resumed)))
print(torch.__version__, transformers.__version__, *(f"{rate:.0e}" for rate in highest))
PY
read -r torch transformers first second resumed hfFirst hfSecond hfResumed \
  < <(venv/bin/python -W ignore rates.py 2>/dev/null | tail -1)
echo "versions:   torch $torch, transformers $transformers"
echo "expected:   highest rates 1e-03 in task 1, and 1e-04 in task 2, as set, or after loading a checkpoint"
echo "observed:   torch's cosine $first, $second, $resumed; that of transformers $hfFirst, $hfSecond, $hfResumed"
[ "$first $second $resumed" = "1e-03 1e-04 1e-04" ] && [ "$hfFirst $hfSecond $hfResumed" = "1e-03 1e-03 1e-03" ] \
  || { echo "changed" >&2; exit 1; }
