"""A measurement with the highest number, from the wire to the rollups; run by itself.

    python -m tests.support.last_measurement FOLDER

The catalogue is read as modules are imported: the entry must be there before.
"""

import sys
from pathlib import Path

from sensorhub import model

LAST = model.Measurement(model.CODES - 1, "last_number", "", 0, 100, decimals=1)
VALUES = [1.5, 2.5, 4.0]
MINUTE = 60_000


def main(folder: Path) -> None:
    """Take uplinks with the measurement; look for it in every form of the data."""
    from sensorhub.store import downsampled, history, history_maker
    from sensorhub.store.rollups import Bucket
    from tests.support.archive import Hub
    from tests.support.happenings import FLEET, RULES, START, native
    from tests.support.stories import Story

    story = Story(folder, START, RULES, FLEET)
    for number, value in enumerate(VALUES):
        story.clock.time += MINUTE
        said = {"seq": number, "m": {LAST.name: value, "fill_level": 20}}
        story.take([native("z1", "b0", said)])
        if number == 0:
            story.hub.checkpoint_all()  # the others come from the journal

    def last_value() -> float:
        state = story.hub.session.state
        series = state.series.number(
            story.hub.session.registry.device_no["b0"], LAST.no
        )
        assert state.series.code[series] == LAST.no
        return float(state.series.last_value[series])

    device = story.hub.session.registry.device_no["b0"]
    assert last_value() == VALUES[-1]
    story.kill()
    assert last_value() == VALUES[-1]
    story.stop()
    assert last_value() == VALUES[-1]
    now = story.clock.time
    story.close()

    history_maker.TIDY_S = history_maker.ROLL_S = 0.0
    archive = Hub(story.place.data)
    archive.clock.time = now + 40 * 24 * 60 * MINUTE
    spans, codes = [history.DeviceSpan(device)], [LAST.no]
    span = {"since": START, "until": now + MINUTE}

    def values() -> list[float]:
        pages = history.read(archive.read, spans=spans, codes=codes, **span)
        return sorted(value for page in pages for value in page.value.tolist())

    def rows(table: str) -> int:
        return int(archive.read.execute(f"SELECT count(*) FROM {table}").fetchone()[0])

    assert (values(), rows("segments"), rows("chunks")) == (VALUES, 0, 0)
    while archive.maker.make_segment():
        pass
    assert (values(), rows("segments") > 0, rows("chunks")) == (VALUES, True, 0)
    while archive.maker.make_chunks():
        pass
    assert (values(), rows("chunks") > 0) == (VALUES, True)
    while archive.maker.tidy():
        pass
    assert rows("rollups_hour") > 0
    found = downsampled.read(
        archive.read,
        spans=spans,
        codes=codes,
        bucket=Bucket.DAY,
        zone="UTC",
        period=history.TimeRange(**span),
    )
    assert found.code.tolist() == [LAST.no]
    assert (found.low.item(0), found.high.item(0), found.count.item(0)) == (1.5, 4.0, 3)
    archive.restart()
    archive.write.close()
    archive.read.close()


if __name__ == "__main__":
    model.CATALOGUE += (LAST,)
    model.BY_NAME[LAST.name] = model.BY_NO[LAST.no] = LAST
    main(Path(sys.argv[1]))
