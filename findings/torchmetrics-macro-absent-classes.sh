#!/usr/bin/env bash
# torchmetrics' accuracy per class falls to a tenth if wrong answers are spread over classes without an image.
#
# Expectation: with average="macro" (the default of MulticlassAccuracy), accuracy is the mean over classes of
#   the share of their images that is right. A class without a test image has no such share and does not
#   count. So it is in scikit-learn's balanced_accuracy_score. top_k=5 asks the same of five answers.
# Behaviour: a class that is absent from the test set counts with 0 as soon as one image is taken for it. With
#   10 classes in the test set, 100 candidates, and 20 % of the answers wrong, the accuracy is 0.8 or 0.08, by
#   which classes the wrong answers name. With top_k=2 the rule is another: absent classes do not count, so
#   accuracy jumps although the second answer is never right. In protocols where all classes of a stream are
#   candidates, as in X-TAIL, the drop looks like forgetting. Nothing is said; micro is not affected.
# Versions: torchmetrics 1.9.0, torch 2.13.0, scikit-learn 1.9.1.
# Source: torchmetrics' documentation of MulticlassAccuracy ("calculate statistics for each label and average
#   them") and _adjust_weights_safe_divide; scikit-learn's documentation of balanced_accuracy_score.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check torch==2.13.0 torchmetrics==1.9.0 scikit-learn==1.9.1
cat > average.py <<'PY'
import sklearn, torch, torchmetrics
from sklearn.metrics import balanced_accuracy_score
from torchmetrics.classification import MulticlassAccuracy

CLASSES, PRESENT, IMAGES = 100, 10, 1000
labels = torch.arange(IMAGES) % PRESENT
wrong = torch.arange(IMAGES) // PRESENT % 5 == 0  # a fifth of each class


def logits(answers):
    """One-hot logits, with a second answer that is wrong for every image."""
    second = (labels + 1) % PRESENT
    return 2.0 * torch.nn.functional.one_hot(answers, CLASSES) + torch.nn.functional.one_hot(second, CLASSES)


inside = torch.where(wrong, (labels + 2) % PRESENT, labels)
outside = torch.where(wrong, PRESENT + torch.arange(IMAGES) * 7 % (CLASSES - PRESENT), labels)
values = []
for answers in (inside, outside):
    values.append(balanced_accuracy_score(labels, answers))
    values.append(MulticlassAccuracy(CLASSES)(logits(answers), labels).item())
    values.append(MulticlassAccuracy(CLASSES, top_k=2)(logits(answers), labels).item())
print(torchmetrics.__version__, torch.__version__, sklearn.__version__, *(f"{value:.2f}" for value in values))
PY
read -r torchmetrics torch sklearn inside inside1 inside2 outside outside1 outside2 \
  < <(venv/bin/python -W ignore average.py | tail -1)
echo "versions:   torchmetrics $torchmetrics, torch $torch, scikit-learn $sklearn"
echo "expected:   0.80 wherever the wrong answers fall, as scikit-learn has it: $inside and $outside"
echo "observed:   $inside1 if they name classes of the test set, $outside1 if they name others"
echo "            with top_k=2, whose second answer is always wrong, $inside2 and $outside2"
[ "$inside $outside $inside1 $inside2 $outside2" = "0.80 0.80 0.80 0.80 0.80" ] && [[ "$outside1" = 0.[01]* ]] \
  || { echo "changed" >&2; exit 1; }
