"""The other side of event-files.test.ts.

    event_files.py DIRECTORY      every curve that TensorBoard reads there: {tag: [[step, value], ...]}; null without TensorBoard
"""

import json
import sys

try:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
except ImportError:
    print("null")
    sys.exit()

board = EventAccumulator(sys.argv[1]).Reload()
tags = board.Tags()["scalars"]
print(json.dumps({tag: [[event.step, event.value] for event in board.Scalars(tag)] for tag in tags}))
