"""Value, type, variant, reason and metadata of every row of `answers.json`."""

import pytest

from clients import ask
from usher import shared


@pytest.mark.parametrize("row", shared("answers.json"), ids=lambda row: row["promise"])
def test_answer(client, row):
    answer = ask(client, row["flag"], row["context"], row["type"], row["default"])
    facts = {name: row[name] for name in ("value", "variant", "reason", "metadata")}
    assert answer == facts | {"error": None}
    # Python takes 2 and 2.0 for equal, and True for 1.
    assert type(answer["value"]) is type(row["value"])
