"""A cleaning that the sensors see: whose, when, and what it ends."""

from pathlib import Path

from tests.support.town import HOUR, MINUTE, Town, native


def foul(town: Town, hours: int) -> None:
    """Ammonia creeps up; bins speak in the same batches, with derived fill levels."""
    for step in range(hours * 12):
        town.clock.time += 5 * MINUTE
        at, ppm = town.clock.time, 0.2 + 0.004 * (step % 144)
        town.seq += 1
        bins = [
            native("d1", {"distance": 700 + step % 3}, seq=town.seq, ts=at),
            native("d3", {"fill_level": 20}, zone="west", seq=town.seq, ts=at),
        ]
        room = native(
            "w1", {"nh3": round(ppm, 3), "count_in": step}, seq=town.seq, ts=at
        )
        town.take([*bins, room])


def test_it_is_the_toilets_and_begins_its_counts_anew(tmp_path: Path) -> None:
    town = Town(tmp_path)
    foul(town, 38)
    rows = town.hub.connection.execute(
        "SELECT a.id, s.kind, s.by_ FROM services s JOIN assets a ON a.no = s.asset"
        " WHERE s.kind <> 'first_uplink'"
    ).fetchall()
    assert rows == [("wc-1", "cleaned", "sensor")] * 2  # known from the second day on
    before = town.hub.session.state.health.dump(0, 10)
    since = town.hub.session.state.series.since.tolist()
    town.kill()
    assert town.hub.session.state.health.dump(0, 10) == before
    assert town.hub.session.state.series.since.tolist() == since


def test_who_says_that_he_cleans_makes_the_cell_wait(tmp_path: Path) -> None:
    town = Town(tmp_path)
    foul(town, 25)
    told = len(town.readings("wc-1", "odour_rise"))
    town.act("service", asset="wc-1", kind="cleaned")
    town.kill()
    foul(town, 1)
    late = town.readings("wc-1", "odour_rise")[told:]
    assert late
    assert min(r.measured_at for r in late) >= town.clock.time - HOUR // 2
