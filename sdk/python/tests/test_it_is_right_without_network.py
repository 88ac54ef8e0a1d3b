"""From the disk, from the bootstrap, in the background, and through an outage; and how long the first answer takes."""

import queue
import threading
import time
from pathlib import Path

import pytest

from conftest import eventually, live
from usher_flags import ConnectionState, FlagSource, Obstacle

# Nobody listens there.
NOWHERE = "http://127.0.0.1:1"


def test_it_goes_on_through_an_outage_and_says_so(usher, build, tmp_path):
    client, states = live(build(cache_dir=tmp_path)), []
    client.on_status(lambda status: states.append(status.state))
    eventually("it is on disk", lambda: any(tmp_path.glob("*.cache")))
    usher.stop()
    eventually("it is told", lambda: ConnectionState.STALE in states)
    found = client.boolean_details("always")
    assert (found.value, found.reason, found.source) == (True, "STALE", FlagSource.SERVER)
    eventually("it knows why", lambda: client.status.obstacle == Obstacle.UNREACHABLE)
    assert client.status.since is not None
    # An app that is started anew meanwhile, and was updated before.
    took = []
    for _ in range(20):
        begun = time.perf_counter()
        again = build(cache_dir=tmp_path, app_version="4.0.0", attributes={"appVersion": "4.0.0"})
        assert again.boolean("always") is True
        took.append(time.perf_counter() - begun)
    found = again.boolean_details("always")
    assert (found.reason, found.source) == ("CACHED", FlagSource.CACHE)
    took.sort()
    print(f"first answer from disk: {took[10] * 1000:.2f} ms (median of 20)")
    assert took[10] < 0.05, took
    usher.resume()
    live(client)
    live(again)


def test_what_the_app_brings_along_is_there_at_once(build):
    values = {"environment": "production", "values": {"always": {"value": True, "variant": "on", "reason": "STATIC"}}}
    client = build(url=NOWHERE, bootstrap=values)
    found = client.boolean_details("always")
    assert (found.value, found.reason, found.source, found.age) == (True, "DEFAULT", FlagSource.BOOTSTRAP, None)


def test_a_folder_that_can_not_be_written_is_told_and_stops_nothing(build):
    client = live(build(cache_dir="/proc/nowhere"))
    assert client.boolean("always") is True
    eventually("it is told", lambda: any("disk" in text for text in client.diagnostics))


def test_it_rests_in_the_background(usher, build):
    client = live(build(background_poll_seconds=1))
    client.background()
    usher.act("kill", "always", "anfield")
    eventually("it has asked", lambda: not client.boolean("always", True))
    client.foreground()
    usher.act("revive", "always", "anfield")
    eventually("it is back", lambda: client.boolean("always"))
    live(client)


def test_what_is_counted_arrives(usher, build):
    import requests

    from usher import ADMIN_TOKEN

    client = live(build(send_seconds=600))
    client.expose("always")
    client.track("checkout-seconds", 1.5)
    client.track_result("checkout", False)
    client.flush()

    def known():
        path = f"{usher.url}/api/v1/flags/always/evaluations?environment=production"
        answer = requests.get(path, headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}, timeout=10).json()
        return answer["series"] != []

    eventually("it has arrived", known)


def test_the_sample_scanner_survives_a_cut(usher, key, tmp_path):
    import subprocess
    import sys

    sample = Path(__file__).resolve().parent.parent / "examples/gate_scanner.py"
    words = [usher.url, key, "--venue", "anfield", "--flag", "always", "--cache", tmp_path, "--every", "0.05"]
    scanner = subprocess.Popen([sys.executable, sample, *words], stdout=subprocess.PIPE, text=True)
    said, lines = [], queue.SimpleQueue()

    def read():
        for line in scanner.stdout:
            lines.put(line)
        lines.put("")

    reader = threading.Thread(target=read, daemon=True)
    reader.start()

    def until(words, patience=45):
        # However much it says of other things, and if it says nothing.
        end = time.monotonic() + patience
        line = None
        while line != "" and (left := end - time.monotonic()) > 0:
            try:
                line = lines.get(timeout=left)
            except queue.Empty:
                break
            said.append(line)
            if words in line:
                return
        raise AssertionError(f"it never said {words!r}: {said[-20:]}")

    try:
        until("always=True STATIC")
        with pytest.raises(AssertionError, match="never said"):
            until("what it never says", patience=0.5)
        usher.act("kill", "always", "anfield")
        until("always is now False")
        usher.stop()
        until("stale")
        until("always=False STALE")
        usher.resume()
        until("live")
        usher.act("revive", "always", "anfield")
        until("always is now True")
    finally:
        scanner.terminate()
        scanner.wait(timeout=10)
        reader.join(10)
        scanner.stdout.close()
