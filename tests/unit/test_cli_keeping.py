"""backup, restore, verify and export on the command line: what is said, and how."""

import json
from pathlib import Path

from tests.support.calls import Run


def test_a_backup_is_verified_and_restored_elsewhere(run: Run, place: Path) -> None:
    file, other = str(place / "b.db"), str(place / "other")
    assert run("status")[0] == 0
    code, said, _ = run("backup", file, "--json")
    assert (code, json.loads(said)["file"]) == (0, file)
    assert run("backup", file)[0] == 4
    code, said, _ = run("verify", file)
    assert code == 0
    assert said.rstrip().endswith("sound")
    assert run("restore", file, data=other)[0] == 0
    assert run("restore", file, data=other)[0] == 4
    code, said, _ = run("restore", file, "--force", "--json", data=other)
    assert (code, json.loads(said)["replaced"]) == (0, True)
    assert json.loads(run("verify", "--json", data=other)[1])["sound"]


def test_a_damaged_backup_is_told_by_the_exit_code(run: Run, place: Path) -> None:
    file = place / "b.db"
    run("status")
    run("backup", str(file))
    damaged = bytearray(file.read_bytes())
    damaged[-1] ^= 1
    file.write_bytes(damaged)
    code, said, _ = run("verify", str(file))
    assert code == 1
    assert "not what b.db.sha256 says" in said
    assert run("restore", str(file), data=str(place / "other"))[0] == 4


def test_an_export_has_a_head_and_its_name_once_it_is_whole(
    run: Run, place: Path
) -> None:
    file = place / "all.csv"
    code, _, said = run("export", str(file))
    assert (code, said) == (0, "0 rows\n")
    assert file.read_text().startswith("zone,asset,device,measurement,unit,measured_at")
    assert run("export", str(file))[0] == 1
    assert run("export", str(file), "--force", "--by", "day")[0] == 0
    assert file.read_text().startswith("zone,asset,device,measurement,unit,at,first")
    assert not file.with_name("all.csv.partial").exists()


def test_an_export_of_what_is_not_there_is_refused(run: Run) -> None:
    for words in (
        ("all.xls",),
        ("all.csv", "--asset", "nobody"),
        ("all.csv", "-m", "nothing"),
        ("-", "--format", "parquet"),
    ):
        code, _, said = run("export", *words)
        assert code == 1
        assert said.startswith("error: ")


def test_readings_by_day_of_an_asset_without_any(run: Run) -> None:
    code, said, _ = run("readings", "bin-1", "--by", "day", "--json")
    assert (code, json.loads(said)) == (0, [])
    assert run("readings", "nobody", "--by", "hour")[0] == 1
