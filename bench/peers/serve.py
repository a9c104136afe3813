"""The peer's side of bench/lib/peer.mjs: a JSON request per line on stdin, a JSON answer per line on stdout."""

import json
import platform
import resource
import sys

import torch


def versions(threads):
    torch.set_num_threads(threads)
    return {"python": platform.python_version(), "torch": torch.__version__, "threads": torch.get_num_threads()}


def peak_bytes():
    """Peak resident memory of this process."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def serve(**handlers):
    handlers.update(versions=versions, peak_bytes=peak_bytes)
    for line in sys.stdin:
        request = json.loads(line)
        answer = handlers[request.pop("command")](**request)
        print(json.dumps(answer), flush=True)
