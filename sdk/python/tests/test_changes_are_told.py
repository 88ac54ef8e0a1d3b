"""Listeners and iterators hear of changes; one who raises stops nothing."""

import logging
import threading
import time

from conftest import eventually, live
from usher_flags import ConnectionState


def test_a_listener_is_called_on_change_and_not_any_more_after_it_left(usher, build):
    client, heard, threads = live(build()), [], set()

    def listen(flags):
        heard.extend(flags)
        threads.add(threading.get_ident())

    subscription = client.on_change(listen)
    usher.act("kill", "always", "anfield")
    eventually("the kill is told", lambda: "always" in heard)
    assert client.boolean("always", True) is False, "and there"
    assert threading.get_ident() not in threads
    subscription.cancel()
    subscription.cancel()
    heard.clear()
    usher.act("revive", "always", "anfield")
    eventually("it is back", lambda: client.boolean("always"))
    assert heard == []


def test_one_who_raises_stops_nothing_and_is_told(usher, build, caplog):
    client, heard = live(build()), []

    def bad(_):
        raise RuntimeError("on purpose")

    client.on_change(bad)
    client.on_change(heard.extend)
    with caplog.at_level(logging.ERROR, logger="usher_flags"):
        for action in ["kill", "revive"]:
            usher.act(action, "always", "anfield")
            eventually("it is told", lambda: "always" in heard)
            heard.clear()
    assert any("on purpose" in text for text in client.diagnostics)
    assert "on purpose" in caplog.text
    assert client.status.state == ConnectionState.LIVE


def test_one_who_hangs_holds_nobody_up(usher, build):
    client, go = live(build()), threading.Event()
    client.on_change(lambda _: go.wait(30))
    usher.act("kill", "always", "anfield")
    eventually("the kill is there", lambda: not client.boolean("always", True))
    usher.act("revive", "always", "anfield")
    eventually("it is back", lambda: client.boolean("always"))
    begun = time.monotonic()
    client.close()
    assert time.monotonic() - begun < 0.5
    go.set()


def test_changes_can_be_waited_for(usher, build):
    client, heard = live(build()), []
    changes = client.changes()
    waiting = threading.Thread(target=lambda: heard.extend(changes))
    waiting.start()
    usher.act("kill", "always", "anfield")
    eventually("it is told", lambda: ["always"] in heard)
    usher.act("revive", "always", "anfield")
    eventually("it is told", lambda: heard.count(["always"]) == 2)
    client.close()
    waiting.join(10)
    assert not waiting.is_alive(), "closing ends it"


def test_who_waits_for_changes_of_a_closed_client_waits_for_nothing(build):
    client, heard = build(), []
    client.close()
    waiting = threading.Thread(target=lambda: heard.append(list(client.changes())), daemon=True)
    waiting.start()
    waiting.join(10)
    assert heard == [[]]


def test_changes_that_are_asked_for_while_it_closes_end(build):
    ended = []

    def wait(client, go):
        go.wait()
        ended.append(list(client.changes()))

    waiting = []
    for _ in range(50):
        client, go = build(), threading.Barrier(2)
        waiting.append(threading.Thread(target=wait, args=(client, go), daemon=True))
        waiting[-1].start()
        go.wait()
        client.close()
    eventually("all have ended", lambda: len(ended) == 50, patience=10)


def test_a_client_may_be_closed_by_its_own_listener(usher, build):
    client = live(build())
    client.on_change(lambda _: client.close())
    usher.act("kill", "always", "anfield")
    eventually("it is closed", lambda: client.status.state == ConnectionState.CLOSED)
    usher.act("revive", "always", "anfield")
