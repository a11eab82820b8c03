"""What both SDK scripts share: cases that run against every upstream dialect, told on a line each."""

import os
import sys
import traceback

BASE = os.environ["GATEWAY"]
KEY = os.environ["GATEWAY_KEY"]
WIRES = os.environ["WIRES"].split()
TEXT = "The answer is short, 그리고 맞습니다."
LONG = 3000
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

CASES = []


def case(function):
    CASES.append(function)
    return function


def same(found, expected):
    assert found == expected, f"{found!r} is not {expected!r}"


def run():
    failed = 0
    for function in CASES:
        for wire in WIRES:
            try:
                function(wire)
                print("ok", function.__name__, wire)
            except Exception:
                failed += 1
                print("FAILED", function.__name__, wire)
                traceback.print_exc(file=sys.stdout)
    print("done", len(CASES) * len(WIRES), "failed", failed)
    sys.exit(1 if failed else 0)
