import time

import torch


def now(device):
    """Seconds, after all work of the device is done."""
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter()
