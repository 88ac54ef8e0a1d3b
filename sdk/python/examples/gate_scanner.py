"""A gate scanner: scans tickets, and shows at once when somebody changes a flag, and that it goes on without network.

    python gate_scanner.py http://127.0.0.1:7080 uck_… --venue wembley-stadium --flag express-checkout

Cut the network, or stop the server, and start it again: the scanner goes on with what it has, and says how old it is.
"""

import argparse
import itertools
import threading
import time

from usher_flags import FlagsClient

_printing = threading.Lock()


def say(*words: object) -> None:
    with _printing:
        print(time.strftime("%H:%M:%S"), *words, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("key")
    parser.add_argument("--venue", required=True)
    parser.add_argument("--gate", default="gate-7")
    parser.add_argument("--flag", action="append", default=[])
    parser.add_argument("--cache", default=None, help="a folder in which values survive the process")
    parser.add_argument("--every", type=float, default=1.0, help="seconds between two tickets")
    parser.add_argument("--tickets", type=int, default=None, help="stop after so many")
    asked = parser.parse_args()

    flags = FlagsClient(
        asked.url, asked.key, venue=asked.venue, targeting_key=asked.gate, cache_dir=asked.cache, app_version="1.0.0"
    )

    def show(changed: list[str]) -> None:
        for flag in asked.flag:
            if flag in changed:
                say(f"{flag} is now {flags.boolean(flag)}")

    def tell(status: object) -> None:
        why = "" if status.obstacle is None else f" ({status.obstacle.name.lower()})"
        say(f"{status.state.name.lower()}{why}")

    with flags, flags.on_change(show), flags.on_status(tell):
        for ticket in itertools.count(1):
            answers = []
            for flag in asked.flag:
                found = flags.boolean_details(flag)
                age = "never confirmed" if found.age is None else f"{found.age.total_seconds():.0f} s old"
                answers.append(f"{flag}={found.value} {found.reason} {age}")
            say(f"ticket {ticket}:", "; ".join(answers))
            flags.track_result("scan", True)
            if ticket == asked.tickets:
                break
            time.sleep(asked.every)


if __name__ == "__main__":
    main()
