"""Tests the operator library through PyTorch's own machinery: python run.py LIBRARY

Prints one line per test and, last, {"passed": n, "failed": n, "failures": [...]}; exits 1 if a test failed.
"""

import json
import sys
import unittest
from pathlib import Path

import torch


class LineResult(unittest.TestResult):
    """One line per test; a subtest that fails fails its test."""

    def __init__(self):
        super().__init__()
        self.passed = 0
        self.messages = {}

    def _record(self, test, error):
        trace = self._exc_info_to_string(error, test)
        self.messages.setdefault(getattr(test, "test_case", test).id(), []).append(f"{test}\n{trace}")

    def addFailure(self, test, error):
        self._record(test, error)

    addError = addFailure

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self._record(subtest, error)

    def stopTest(self, test):
        failed = test.id() in self.messages
        self.passed += not failed
        print(f"{'FAIL' if failed else 'ok  '} {test.id()}", flush=True)
        for message in self.messages.get(test.id(), []):
            print(message, flush=True)


def main():
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} LIBRARY (the path of libcodyra_ops, as `codyra doctor` prints it)")
    torch.ops.load_library(sys.argv[1])
    folder = Path(__file__).parent
    suite = unittest.defaultTestLoader.discover(str(folder), pattern="test_*.py", top_level_dir=str(folder))
    result = LineResult()
    suite.run(result)
    failures = [{"test": name, "message": "\n".join(parts)} for name, parts in result.messages.items()]
    print(json.dumps({"passed": result.passed, "failed": len(failures), "failures": failures}))
    sys.exit(1 if failures or result.passed == 0 else 0)


if __name__ == "__main__":
    main()
