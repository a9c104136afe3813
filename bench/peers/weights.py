"""Writes safetensors files with nothing but torch, which is all that the environment of libtorch holds."""

import ctypes
import json
import struct

import torch

codes = {torch.float32: "F32", torch.int64: "I64"}


def save(path, tensors):
    tensors = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    header, offset = {}, 0
    for name, tensor in tensors.items():
        end = offset + tensor.nbytes
        header[name] = {"dtype": codes[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)))
        file.write(text)
        for tensor in tensors.values():
            file.write((ctypes.c_char * tensor.nbytes).from_address(tensor.data_ptr()))
