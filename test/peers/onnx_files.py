"""The other side of onnx.test.ts.

    onnx_files.py FOLDER INPUTS OUTPUT

Checks every file in FOLDER/onnx in full and runs it on the tensors of INPUTS (safetensors: pixel_values, input_ids).
Writes what it gives to OUTPUT, as `file name/output name`, and prints the number of nodes of each file.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from safetensors.numpy import load_file, save_file

folder, inputs, output = sys.argv[1:]
given = load_file(inputs)
given["attention_mask"] = np.ones_like(given["input_ids"])
found, nodes = {}, {}
for path in sorted(Path(folder, "onnx").glob("*.onnx")):
    onnx.checker.check_model(str(path), full_check=True)
    nodes[path.stem] = len(onnx.load(str(path), load_external_data=False).graph.node)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    wanted = {each.name: given[each.name] for each in session.get_inputs()}
    names = [each.name for each in session.get_outputs()]
    for name, value in zip(names, session.run(names, wanted), strict=True):
        found[f"{path.stem}/{name}"] = np.ascontiguousarray(value)
save_file(found, output)
print(json.dumps(nodes))
