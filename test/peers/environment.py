import json
import os

import torch

print(json.dumps({"version": torch.__version__, "path": os.path.dirname(torch.__file__)}))
