"""Open alerts: one open alert per rule and asset, the worst source decides."""

import pytest
from msgspec.structs import replace

from sensorhub.alerts.open_alerts import AlertChange, AlertSource, OpenAlerts
from sensorhub.alerts.transitions import Cause, transition_id
from sensorhub.model import Category, Severity
from sensorhub.registry.subjects import Subject

NONE, WARNING, URGENT, DANGER = (
    Severity.NONE,
    Severity.WARNING,
    Severity.URGENT,
    Severity.DANGER,
)


BIN = Subject(7, "asset", "bin-7")


class Sources:
    """Set the levels of sources of one alert, a millisecond apart."""

    def __init__(self) -> None:
        self.alerts = OpenAlerts()
        self.now = 1_000

    def says(self, source: int, level: Severity) -> AlertChange | None:
        self.now += 1
        self.alerts.set_level("full", BIN, AlertSource.series(source), level)
        return self.alerts.update(
            ("full", BIN),
            self.now,
            Cause(device=f"d{source}", measured_at=self.now),
            category=Category.COLLECT,
            zone="east",
        )


def words(change: AlertChange | None) -> str | None:
    if change is None:
        return None
    step = change.transition
    return f"{step.from_} -> {step.to} {step.severity.word}"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([(1, WARNING)], ["None -> firing warning"]),
        ([(1, NONE)], [None]),
        (
            [(1, WARNING), (1, URGENT), (1, WARNING), (1, NONE)],
            [
                "None -> firing warning",
                "firing -> severity_changed urgent",
                "firing -> severity_changed warning",
                "firing -> resolved warning",
            ],
        ),
        (  # two sensors: the worst decides, up and down
            [(1, WARNING), (2, URGENT), (1, NONE), (2, NONE)],
            [
                "None -> firing warning",
                "firing -> severity_changed urgent",
                None,
                "firing -> resolved urgent",
            ],
        ),
        (
            [(1, URGENT), (2, WARNING), (1, NONE), (2, NONE)],
            [
                "None -> firing urgent",
                None,
                "firing -> severity_changed warning",
                "firing -> resolved warning",
            ],
        ),
        # a sensor that never spoke says nothing: it clears nothing
        ([(1, WARNING), (2, NONE)], ["None -> firing warning", None]),
    ],
)
def test_the_worst_source_decides(
    said: list[tuple[int, Severity]], expected: list[str | None]
) -> None:
    sources = Sources()
    assert [words(sources.says(source, level)) for source, level in said] == expected


def test_after_resolved_it_fires_anew_as_another_alert() -> None:
    sources = Sources()
    ids = []
    for _ in range(2):
        first = sources.says(1, WARNING)
        last = sources.says(1, NONE)
        assert first is not None
        assert last is not None
        assert first.alert is last.alert
        assert last.alert.resolved_at == sources.now
        ids.append(first.alert.id)
    assert ids[0] != ids[1]
    assert sources.alerts.by_key == {}


def test_a_rise_to_danger_ends_the_acknowledgement_and_a_rise_below_does_not() -> None:
    sources = Sources()
    alert = sources.says(1, WARNING).alert  # type: ignore[union-attr]
    alert.acknowledged_by, alert.acknowledged_at = "wang", 1
    sources.says(1, URGENT)
    assert (alert.acknowledged_by, alert.danger_at) == ("wang", None)
    sources.says(1, DANGER)
    found: list[str | int | None] = [alert.acknowledged_by, alert.acknowledged_at]
    assert found == [None, None]
    assert alert.danger_at == sources.now
    rose = sources.now
    sources.says(1, URGENT)
    assert alert.danger_at == rose


def test_ids_stand_in_the_order_of_what_happened() -> None:
    times = [5, 4_095, 4_096, 1_795_000_000_000]
    ids = [
        transition_id("full", "bin-7", "firing", WARNING, cause)
        for at in times
        for cause in (Cause(measured_at=at), Cause(deadline_at=at))
    ]
    assert [int(id_[:11], 16) for id_ in ids] == [at for at in times for _ in "ab"]
    assert [id_[:11] for id_ in ids] == sorted(id_[:11] for id_ in ids)


def test_an_id_is_made_of_what_happened_and_of_nothing_else() -> None:
    cause = Cause(device="d1", measurement="fill_level", measured_at=5, value=9)
    id_ = transition_id("full", "bin-7", "firing", WARNING, cause)
    same = transition_id("full", "bin-7", "firing", WARNING, replace(cause, value=10))
    assert id_ == same
    others = {
        transition_id("over", "bin-7", "firing", WARNING, cause),
        transition_id("full", "bin-8", "firing", WARNING, cause),
        transition_id("full", "bin-7", "resolved", WARNING, cause),
        transition_id("full", "bin-7", "firing", URGENT, cause),
        *(
            transition_id("full", "bin-7", "firing", WARNING, other)
            for other in (
                replace(cause, device="x"),
                replace(cause, measurement="x"),
                replace(cause, measured_at=6),
                replace(cause, deadline_at=6),
                replace(cause, reason="x"),
            )
        ),
    }
    assert len(others) == 9
    assert id_ not in others
