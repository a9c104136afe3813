"""The Python side of bench/lib/peer.mjs: a JSON request per line on stdin, a JSON answer per line on stdout."""

import json
import platform
import resource
import sys

import torch


def versions(threads):
    torch.set_num_threads(threads)
    found = {"python": platform.python_version(), "torch": torch.__version__, "threads": torch.get_num_threads()}
    return {**found, "gpu": torch.cuda.get_device_name()} if torch.cuda.is_available() else found


def reset_peak():
    """Linux only: the highest resident memory counts from now on. CUDA's peak too."""
    if sys.platform == "linux":
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak_bytes(device="cpu"):
    """Peak memory: resident of this process, or allocated on the device."""
    if device != "cpu":
        return torch.cuda.max_memory_allocated()
    if sys.platform == "linux":
        with open("/proc/self/status") as file:
            line = next(line for line in file if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def serve(**handlers):
    handlers.update(versions=versions, reset_peak=reset_peak, peak_bytes=peak_bytes)
    for line in sys.stdin:
        request = json.loads(line)
        answer = handlers[request.pop("command")](**request)
        print(json.dumps(answer), flush=True)
