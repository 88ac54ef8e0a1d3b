"""A clock that is put forward and back, and a disk that is full."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

from conftest import eventually, live

# Libraries are in a folder of their architecture, as Debian has it.
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))

PROGRAM = """
import select, sys, time
from usher_flags import ConnectionState, FlagsClient
client = FlagsClient(sys.argv[1], sys.argv[2], venue="anfield", targeting_key="u-1", cache_dir=sys.argv[3])

def rest():
    # Not `time.sleep`, which asks for more of a clock than the one that jumps here has.
    select.select([], [], [], 0.01)

def until(state):
    end = time.monotonic() + 60
    while client.status.state != state:
        assert time.monotonic() < end, client.status
        rest()

"""


def program(words, *arguments, **environment):
    """Runs a program of its own to its end; what it printed."""
    source = PROGRAM + textwrap.dedent(words)
    done = subprocess.run(
        [sys.executable, "-B", "-c", source, *map(str, arguments)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_clock_that_jumps_makes_nothing_wrong(usher, key, tmp_path):
    offset = tmp_path / "offset"
    offset.write_text("+0", encoding="ascii")
    said = program(
        """
        import pathlib
        offset = pathlib.Path(sys.argv[4])
        until(ConnectionState.LIVE)
        for jump in ["+1d", "-1d", "+0"]:
            begun = time.time()
            offset.write_text(jump, encoding="ascii")
            assert abs(time.time() - begun) > 80_000, "the clock has jumped"
            assert client.boolean("always") is True
            # Within a heartbeat it has heard from its server.
            until(ConnectionState.LIVE)
            found = client.boolean_details("always")
            assert (found.value, found.reason) == (True, "STATIC"), found
            assert 0 <= found.age.total_seconds() < 86_500, found
            print(jump, client.status.state.name)
        """,
        usher.url,
        key,
        tmp_path / "cache",
        offset,
        LD_PRELOAD=str(FAKETIME),
        FAKETIME_TIMESTAMP_FILE=str(offset),
        FAKETIME_NO_CACHE="1",
        FAKETIME_DONT_FAKE_MONOTONIC="1",
    )
    assert said == "+1d LIVE\n-1d LIVE\n+0 LIVE\n"


def test_a_full_disk_is_told_and_takes_nothing_away(usher, key, build, tmp_path):
    before = live(build(cache_dir=tmp_path))
    eventually("it is on disk", lambda: any(tmp_path.glob("*.cache")))
    before.close()
    (file,) = tmp_path.glob("*.cache")
    kept = file.read_bytes()
    usher.act("kill", "always", "anfield")
    program(
        """
        import resource
        # Writing more than this fails as it does on a full disk.
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        until(ConnectionState.LIVE)
        assert client.boolean("always", True) is False
        end = time.monotonic() + 60
        while not any("disk" in text for text in client.diagnostics):
            assert time.monotonic() < end, client.diagnostics
            rest()
        """,
        usher.url,
        key,
        tmp_path,
    )
    assert file.read_bytes() == kept, "what was there is there, whole"
    assert not any(tmp_path.glob("*.new")), "and nothing half written"
    usher.act("revive", "always", "anfield")
