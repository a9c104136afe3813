import time

import torch


def now(device):
    """Seconds, after all work of the device is done."""
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter()


def own_time(device):
    """Seconds of the processor where one thread computes, which a busy machine does not make longer; else as `now`."""
    return time.process_time() if device == "cpu" and torch.get_num_threads() == 1 else now(device)
