"""The journal's checksum: what can still be read may be wrong all the same."""

from pathlib import Path

from sensorhub.columns import unpack
from sensorhub.store.hot import journal
from tests.support.town import UP, Town, native


def damaged(body: bytes) -> bytes:
    """The row with one bit flipped that can still be read as a batch."""
    for at in range(len(body)):
        flipped = bytes([*body[:at], body[at] ^ 1, *body[at + 1 :]])
        try:
            if unpack(flipped).uplinks == unpack(body).uplinks:
                return flipped
        except ValueError:
            continue
    raise AssertionError("every flipped bit is noticed without the checksum")


def test_a_flipped_bit_that_still_unpacks_is_noticed_and_set_aside(
    tmp_path: Path,
) -> None:
    town = Town(tmp_path, UP)
    town.take([native("d1", {"fill_level": 10}, seq=1)])
    town.take([native("d2", {"fill_level": 20}, seq=1)])
    connection = town.hub.connection
    ((body,),) = connection.execute("SELECT body FROM journal WHERE id = 1").fetchall()
    connection.execute("UPDATE journal SET body = ? WHERE id = 1", (damaged(body),))
    assert [row.sound for row in journal.rows_after(connection, 0)] == [False, True]
    town.kill()
    assert town.count("journal_rows_damaged") == 1
    assert town.hub.connection.execute("SELECT id FROM damaged").fetchall() == [(1,)]
    assert [r.value for r in town.readings("bin-2")] == [20]
    assert town.readings("bin-1") == []
