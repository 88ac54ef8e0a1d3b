"""Usher's feature flags: values by push, right without network.

>>> from usher_flags import FlagsClient
>>> with FlagsClient("https://flags.example.org", "uck_…", venue="wembley-stadium",
...                  targeting_key="gate-7", cache_dir="/var/cache/gate") as flags:
...     if flags.boolean("express-lane", default=False):
...         ...

Reading never blocks, never raises and never waits for the network: there are the server's newest values, else those on
disk, else the bootstrap, else the default, and ``*_details`` tells which.
"""

from .client import FlagsClient, Subscription
from .values import (
    ConnectionState,
    Details,
    FlagErrorCode,
    FlagsError,
    FlagSource,
    Obstacle,
    Status,
)

__all__ = [
    "ConnectionState",
    "Details",
    "FlagErrorCode",
    "FlagSource",
    "FlagsClient",
    "FlagsError",
    "Obstacle",
    "Status",
    "Subscription",
]
