"""What a read costs in Python."""

import ctypes
import pathlib
import sys
import time

import usher_flags

CALLS, BATCHES = 20_000, 9


def measure(name, call, *words):
    """Nanoseconds of a call: of the quickest batch, without what the loop costs."""
    best = float("inf")
    for _ in range(BATCHES):
        begun = time.perf_counter_ns()
        for _ in range(CALLS):
            call(*words)
        best = min(best, time.perf_counter_ns() - begun)
    print(f"{name}\t{best / CALLS}")


client = usher_flags.FlagsClient(
    "http://127.0.0.1:1", "uck_bench", bootstrap=pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
)
assert client.boolean("flag-50") is True and client.string("text")
library = ctypes.CDLL(str(pathlib.Path(usher_flags.__file__).parent / "_native/libusher_ffi.so"))
nothing = library.usher_version
nothing.restype = ctypes.c_void_p
measure("Python: a call of nothing by ctypes", nothing)
measure("Python: `client.boolean`", client.boolean, "flag-50", False)
measure("Python: `client.string`", client.string, "text", "")
measure("Python: as UniFFI generates it, `boolean`", client._native.boolean, "flag-50", False)
client.close()
