"""`status --check`: what makes a hub unwell, in words."""

from typing import Any

import pytest

from sensorhub.alerts.event import rfc3339
from sensorhub.cli.health import troubles

NOW = 1_795_000_000_000


def view(alive_s: float | None, heard_s: float | None, **more: Any) -> dict[str, Any]:
    """A status view: seconds since the loop lived and since all was heard."""
    ago = {"alive_at": alive_s, "heard_at": heard_s}
    times = {k: s and rfc3339(NOW - int(s * 1000)) for k, s in ago.items()}
    plain = {"running": True, "now": rfc3339(NOW), "clock": {"speed": 1}}
    return plain | times | more


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (view(1, 1), []),
        (view(59, 60), []),
        (view(1, 1, running=False), ["no hub runs on this data folder"]),
        (view(61, 1), ["the hub's loop has stood still for 61 s"]),
        (view(1, 300), ["the hub has not heard all that its broker has for 300 s"]),
        (view(600, 600, clock={"speed": 600}), []),
        (
            view(None, 1),
            ["the hub's loop has stood still: it has only begun"],
        ),
    ],
)
def test_a_hub_is_well_or_says_why_not(seen: dict[str, Any], words: list[str]) -> None:
    assert troubles(seen) == words


def test_without_a_database_it_makes_none(run: Any, place: Any) -> None:
    code, _, err = run("status", "--check")
    assert (code, "no hub ever ran there" in err) == (1, True)
    assert not (place / "data").exists()


def test_a_folder_without_a_running_hub_is_unwell(run: Any) -> None:
    run("status")
    code, _, err = run("status", "--check")
    assert (code, err) == (1, "error: no hub runs on this data folder\n")
