"""Reads and writes safetensors files with nothing but torch, which is all that the environment of libtorch holds."""

import ctypes
import json
import struct

import torch

codes = {torch.float32: "F32", torch.int64: "I64", torch.uint8: "U8"}
dtypes = {code: dtype for dtype, code in codes.items()}


def load(path):
    """Copies in memory, by name."""
    tensors = {}
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        for name, entry in header.items():
            start, end = entry["data_offsets"]
            file.seek(8 + length + start)
            tensors[name] = tensor = torch.empty(entry["shape"], dtype=dtypes[entry["dtype"]])
            if tensor.numel() > 0:
                file.readinto(memory_of(tensor))
    return tensors


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
            file.write(memory_of(tensor))


def memory_of(tensor):
    return (ctypes.c_char * tensor.nbytes).from_address(tensor.data_ptr())
