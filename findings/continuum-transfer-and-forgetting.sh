#!/usr/bin/env bash
# continuum's backward transfer and forgetting never look at the latest tasks; its forward transfer looks
#   back.
#
# Expectation: with R[i][j], the accuracy on task j after task i, and T tasks, the Logger computes what the
#   papers that it names define. Backward transfer is the mean of R[T-1][j] - R[j][j] over j < T-1 (GEM), or
#   of R[i][j] - R[j][j] over all j < i (the later paper). Forgetting is the mean over j < T-1 of the best
#   earlier R[l][j] minus R[T-1][j]. Forward transfer looks at tasks that are not learned yet, so j > i.
# Behaviour: three ranges end one too early. Backward transfer leaves out j = i-1, the task before, and
#   divides by the number of all pairs. Forgetting leaves out task T-2 and the accuracies after it. With two
#   tasks both are 0, whatever was forgotten. Forward transfer is the mean of R[i][j] over j < i: the accuracy
#   on tasks that were learned long ago, so a model that knows nothing in advance scores high, and zero-shot
#   accuracies do not enter. `remembering` follows from backward transfer: it is 1.
# Versions: continuum 1.2.7, the newest on PyPI; numpy 2.3.5.
# Source: GEM, arXiv:1706.08840, section 2; "Don't forget, there is more than forgetting", arXiv:1810.13166;
#   Riemannian Walk, arXiv:1801.10112, eq. 3; continuum/metrics/metrics.py. Issue 291 of continuum reports
#   that the range of forgetting was changed after the release, and is still there; the two transfers are not
#   named.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check numpy==2.3.5
venv/bin/pip install -qq --disable-pip-version-check --no-deps continuum==1.2.7
cat > transfer.py <<'PY'
import importlib.metadata, importlib.util, os
import numpy as np

# The file of the metrics needs numpy only; the package would import torch and twenty others.
package = importlib.util.find_spec("continuum").submodule_search_locations[0]
spec = importlib.util.spec_from_file_location("metrics", os.path.join(package, "metrics", "metrics.py"))
metrics = importlib.util.module_from_spec(spec)
spec.loader.exec_module(metrics)


def both(accuracy, images=100):
    """(backward transfer, forgetting, forward transfer, remembering): continuum's, and by the definitions."""
    tasks = len(accuracy)
    task = np.repeat(np.arange(tasks), images)
    right = [np.concatenate([np.arange(images) < round(images * a) for a in row]) for row in accuracy]
    logs = ([row.astype(int) for row in right], [np.ones_like(task)] * tasks, [task] * tasks)
    names = ("backward_transfer", "forgetting", "forward_transfer", "remembering")
    theirs = [getattr(metrics, name)(*logs) for name in names]
    r = np.array(accuracy)
    earlier, last = range(tasks - 1), r[-1]
    backward = np.mean([last[j] - r[j, j] for j in earlier])
    forgetting = np.mean([r[j:-1, j].max() - last[j] for j in earlier])
    forward = np.mean([r[i, j] for i in range(tasks) for j in range(i + 1, tasks)])
    text = lambda values: "/".join(f"{value + 0:.2f}" for value in values)
    return text(theirs), text((backward, forgetting, forward, 1 - abs(min(backward, 0))))


two = both([[0.9, 0.2], [0.1, 0.9]])  # the first task is forgotten
three = both([[0.9, 0.1, 0.1], [0.9, 0.9, 0.1], [0.9, 0.3, 0.9]])  # the second one is
print(importlib.metadata.version("continuum"), np.__version__, *two, *three)
PY
read -r continuum numpy two wantedTwo three wantedThree < <(venv/bin/python transfer.py)
echo "versions:   continuum $continuum, numpy $numpy"
echo "            backward transfer / forgetting / forward transfer / remembering"
echo "expected:   $wantedTwo with two tasks, $wantedThree with three"
echo "observed:   $two with two tasks, $three with three"
[ "$two" = "0.00/0.00/0.10/1.00" ] && [ "$wantedTwo" = "-0.80/0.80/0.20/0.20" ] \
  && [ "$three" = "0.00/0.00/0.70/1.00" ] && [ "$wantedThree" = "-0.30/0.30/0.10/0.70" ] \
  || { echo "changed" >&2; exit 1; }
