"""Compiles CUDA kernels with NVRTC, which needs no GPU. Prints one JSON value: for each build its log, or null where it compiled.

Usage: python nvrtc.py FOLDER BUILDS, where BUILDS is JSON: [[file, [option, ...]], ...]
"""

import ctypes
import importlib.util
import json
import pathlib
import sys


def load():
    """NVRTC of the wheel `nvidia-cuda-nvrtc`. It looks for its second library by name only, so that one is loaded first."""
    folder = pathlib.Path(importlib.util.find_spec("nvidia").submodule_search_locations[0])
    for name in ["libnvrtc-builtins.so.*", "libnvrtc.so.*"]:
        library = ctypes.CDLL(str(next(folder.rglob(name))))
    return library


def strings(texts):
    return (ctypes.c_char_p * len(texts))(*texts)


def compile_kernel(nvrtc, folder, file, options):
    headers = sorted(folder.glob("*.cuh"))
    texts = strings([header.read_bytes() for header in headers])
    names = strings([header.name.encode() for header in headers])
    program = ctypes.c_void_p()
    source = (folder / file).read_bytes()
    created = nvrtc.nvrtcCreateProgram(
        ctypes.byref(program), source, file.encode(), len(headers), texts, names
    )
    assert created == 0, f"nvrtcCreateProgram returned {created}"
    result = nvrtc.nvrtcCompileProgram(
        program, len(options), strings([option.encode() for option in options])
    )
    size = ctypes.c_size_t()
    nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    nvrtc.nvrtcGetProgramLog(program, log)
    nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
    return None if result == 0 else f"error {result}: {log.value.decode()}"


if __name__ == "__main__":
    folder, builds = pathlib.Path(sys.argv[1]), json.loads(sys.argv[2])
    nvrtc = load()
    print(json.dumps([compile_kernel(nvrtc, folder, *build) for build in builds]))
