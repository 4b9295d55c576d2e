"""The socket of `tail`: long paths, slow readers, whole lines."""

import json
import socket
from pathlib import Path

from sensorhub.hub.tail import TailServer, address
from tests.support.town import Town, native


def reader_of(folder: Path) -> socket.socket:
    reader = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with address(folder) as place:
        reader.connect(place)
    reader.settimeout(10)
    return reader


def test_lines_reach_a_reader_whole_even_in_a_folder_with_a_long_path(
    tmp_path: Path,
) -> None:
    folder = tmp_path / ("long-" * 20) / ("name-" * 20)
    folder.mkdir(parents=True)
    (tmp_path / "town").mkdir()
    town = Town(tmp_path / "town")
    server = TailServer(folder)
    reader = reader_of(folder)
    while not server.watched:
        pass
    hub = town.hub
    pipeline = hub.session.pipeline
    got = b""
    for first in range(0, 2_000, 20):  # more than the socket holds, read late
        batch = [native("d1", {"temperature": 20.0}, seq=first + n) for n in range(20)]
        processed = pipeline.process(batch, town.clock.time)
        hub.commit(processed.changes)
        server.show(hub.session.registry, processed.parsed, processed.columns)
    server.close()
    while chunk := reader.recv(1 << 20):
        got += chunk
    lines = got.split(b"\n")
    assert len(lines) > 100
    assert all(json.loads(line)["outcome"] for line in lines[:-1])
    reader.close()


def test_the_socket_is_for_its_owner_only(tmp_path: Path) -> None:
    server = TailServer(tmp_path)
    assert (tmp_path / "tail.sock").stat().st_mode & 0o077 == 0
    server.close()
