"""Many threads, closing while they read, and a thousand clients that leave nothing behind."""

import gc
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from conftest import eventually, live
from usher_flags import FlagsClient


def resident():
    """This process' memory in MiB, proc(5)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 2**20


def threads():
    """How many threads the clients of this process have."""
    count = 0
    for task in Path("/proc/self/task").iterdir():
        try:
            count += (task / "comm").read_text(encoding="ascii").startswith("usher-")
        except OSError:
            # It has ended meanwhile.
            continue
    return count


def test_a_hundred_threads_read_while_values_change(usher, build):
    client, stop, wrong, reads = live(build()), threading.Event(), [], []

    def read():
        count = 0
        while not stop.is_set():
            if client.integer("seat-limit") != 4 or client.string("banner")[:5] != "Gates":
                wrong.append(client.status)
            client.boolean("always")
            count += 1
            # So that a hundred of them leave the interpreter to others, too.
            stop.wait(0.002)
        reads.append(count)

    readers = [threading.Thread(target=read) for _ in range(100)]
    for reader in readers:
        reader.start()
    for _ in range(10):
        usher.act("kill", "always", "anfield")
        usher.act("revive", "always", "anfield")
    eventually("the last one has come", lambda: client.boolean("always"))
    stop.set()
    for reader in readers:
        reader.join()
    assert wrong == [] and min(reads) > 0


def test_it_closes_at_once_under_load(build):
    client, stop, failed = live(build()), threading.Event(), []

    def work():
        try:
            while not stop.is_set():
                client.boolean("always")
                client.track("scans", 1.0)
                client.set_context("u-2", venue="anfield")
                client.status.state.name  # noqa: B018
        except Exception as error:
            failed.append(error)

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    time.sleep(0.2)
    begun = time.monotonic()
    client.close()
    took = time.monotonic() - begun
    time.sleep(0.1)
    stop.set()
    for worker in workers:
        worker.join()
    assert took < 2 and failed == []


@pytest.mark.parametrize("end", ["client.close()", "del client", "pass"])
def test_a_program_ends_in_peace_while_a_listener_is_called(usher, key, end):
    program = f"""
import sys, threading, time
from usher_flags import FlagsClient
client = FlagsClient(sys.argv[1], sys.argv[2], venue="anfield", targeting_key="u-1")
called = threading.Event()
def listen(flags):
    called.set()
    time.sleep(0.3)
client.on_change(listen)
assert called.wait(30)
{end}
"""
    done = subprocess.run(
        [sys.executable, "-B", "-c", program, usher.url, key], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_thousand_clients_leave_nothing_behind(usher, key):
    def cycle(count):
        for n in range(count):
            client = FlagsClient(usher.url, key, venue="anfield", targeting_key=f"u-{n % 10}")
            client.on_change(lambda _: None)
            client.boolean("always")
            if n % 50 == 0:
                live(client)
            client.close()

    cycle(200)
    eventually("threads have ended", lambda: threads() == 0)
    gc.collect()
    before = resident()
    cycle(1_000)
    eventually("threads have ended", lambda: threads() == 0)
    gc.collect()
    after = resident()
    print(f"resident after 200 clients {before:.1f} MiB, after 1,000 more {after:.1f} MiB")
    # One that leaked would leave some 100 KiB each: a thread's stack, a connection, values.
    assert after - before < 24, (before, after)
