"""Fleet files are planned against the register: swaps, moves, ends, exports."""

from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sensorhub.fleet import Plan, Register, export_csv, export_toml
from tests.support.fleet_files import (
    HEADER,
    after,
    devices_on,
    imported,
    mountings,
    planned,
)

BIN = "east,park,bin-1,bin,31.2,121.5,240,1200,150,dev-1,native"


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def refused(plan: Plan) -> list[str]:
    return [str(fault) for fault in plan.refused]


def test_what_a_file_leaves_out_stays_and_a_hyphen_clears() -> None:
    register = imported(f"{HEADER},tags,crew\n{BIN},daily,A\n")
    register = after("asset,tags,zone,crew\nbin-1,,east,\n", register)
    assert register.assets["bin-1"].tags == "daily"
    register = after("asset,tags,zone,crew\nbin-1,-,east,-\n", register)
    assert register.assets["bin-1"].tags == ""
    assert register.zones["east"].crew == ""
    assert register.assets["bin-1"].capacity_l == 240


def test_a_change_is_told_with_before_and_after() -> None:
    register = imported(f"{HEADER}\n{BIN}\n")
    plan = planned("asset,capacity_l,out_from\nbin-1,120,2026-11-01\n", register)
    assert [str(change) for change in plan.changed] == [
        "asset bin-1: capacity_l 240.0 -> 120.0, out_from - -> 2026-10-31T16:00:00Z"
    ]


def test_a_swap_by_until_and_from_keeps_one_asset_with_two_devices() -> None:
    at = "2026-06-01T10:00:00+08:00"
    rows = f"bin-1,dev-1,,,{at}\nbin-1,dev-2,native,{at},\n"
    swap = f"asset,device,profile,from,until\n{rows}"
    register = after(swap, imported(f"{HEADER}\n{BIN}\n"))
    assert mountings(register) == [
        ("dev-1", "bin-1", None, ms(at)),
        ("dev-2", "bin-1", ms(at), None),
    ]
    assert planned(swap, register).changed == ()


def test_a_swap_by_replaces_ends_the_old_device_once() -> None:
    at = "2026-06-01T10:00:00+08:00"
    swap = f"asset,device,profile,from,replaces\nbin-1,dev-2,native,{at},dev-1\n"
    register = after(swap, imported(f"{HEADER}\n{BIN}\n"))
    assert mountings(register) == [
        ("dev-1", "bin-1", None, ms(at)),
        ("dev-2", "bin-1", ms(at), None),
    ]
    again = planned(swap, register)
    assert (again.added, again.changed, again.refused) == ((), (), ())


def test_importing_the_old_file_again_does_not_undo_a_swap() -> None:
    text = f"{HEADER}\n{BIN}\n"
    swap = "asset,device,profile,from,replaces\nbin-1,d2,native,2026-06-01,dev-1\n"
    register = after(swap, imported(text))
    again = planned(text, register)
    assert (again.added, again.changed, again.refused) == ((), (), ())
    assert "stays so" in again.notes[0].what


def test_replacing_a_device_that_is_not_there_is_refused() -> None:
    swap = "asset,device,profile,from,replaces\nbin-1,d2,native,2026-06-01,d9\n"
    plan = planned(swap, imported(f"{HEADER}\n{BIN}\n"))
    assert "line 2, column replaces: d9 is not another device" in refused(plan)[0]


def test_several_sensors_may_watch_one_asset() -> None:
    register = after(
        "asset,device,profile,from\nbin-1,dev-2,native,2026-06-01\n",
        imported(f"{HEADER}\n{BIN}\n"),
    )
    assert devices_on(register, "bin-1") == {"dev-1", "dev-2"}


@pytest.mark.parametrize("start", ["", "2026-06-01"])
def test_a_device_at_two_assets_at_one_time_is_refused(start: str) -> None:
    other = BIN.replace("bin-1", "bin-2")
    plan = planned(f"{HEADER},from\n{BIN},\n{other},{start}\n")
    assert "line 3, column device: dev-1 is mounted on bin-1 since" in refused(plan)[0]
    later = planned(f"{HEADER},from\n{other},{start}\n", imported(f"{HEADER}\n{BIN}\n"))
    assert "line 2, column device" in refused(later)[0]


def test_a_device_moves_when_its_first_mounting_ends_on_whatever_line() -> None:
    other = BIN.replace("bin-1", "bin-2")
    text = f"{HEADER},from,until\n{other},2026-06-01,\n{BIN},,2026-06-01\n"
    register = after(text, imported(f"{HEADER}\n{BIN}\n"))
    june = ms("2026-06-01T00:00:00+08:00")
    assert mountings(register) == [
        ("dev-1", "bin-1", None, june),
        ("dev-1", "bin-2", june, None),
    ]


def test_a_mounting_may_not_end_before_it_starts() -> None:
    plan = planned(f"{HEADER},from,until\n{BIN},2026-06-02,2026-06-01\n")
    assert "line 2, column until: dev-1 on bin-1 would end" in refused(plan)[0]


def test_retiring_an_asset_takes_its_devices_off() -> None:
    register = after(
        "asset,retired\nbin-1,2026-06-01\n", imported(f"{HEADER}\n{BIN}\n")
    )
    june = ms("2026-06-01T00:00:00+08:00")
    assert register.assets["bin-1"].retired == june
    assert mountings(register) == [("dev-1", "bin-1", None, june)]


def test_retired_yes_means_now_and_no_brings_it_back() -> None:
    register = after("asset,retired\nbin-1,yes\n", imported(f"{HEADER}\n{BIN}\n"), 77)
    assert register.assets["bin-1"].retired == 77
    assert planned("asset,retired\nbin-1,yes\n", register).changed == ()
    register = after("asset,retired\nbin-1,no\n", register)
    assert register.assets["bin-1"].retired is None


ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,9}", fullmatch=True)
texts = st.text(st.characters(codec="utf-8"), max_size=12)
times = st.none() | st.integers(0, 4 * 10**12)
cells = st.fixed_dictionaries(
    {
        "zone": st.sampled_from(["east", "west"]),
        "asset": ids,
        "kind": st.sampled_from(["bin", "toilet"]),
    },
    optional={
        "asset_name": texts,
        "zone_name": texts,
        "tags": st.lists(texts, max_size=3),
        "capacity_l": st.floats(0.001, 1e9),
        "volumes": st.sampled_from(
            ["1200:0 700.5:90 150:240", [[2500, 0], [1200, 1900.25]], "5:7 90:0.125"]
        ),
        "out_from": times,
        "out_reason": texts,
        "retired": times,
        "device": ids,
        "interval_s": st.integers(1, 10**6),
        "from": times,
        "until": times,
    },
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(cells, max_size=6), st.sampled_from(["csv", "toml"]))
def test_importing_an_export_changes_nothing(
    said: list[dict[str, object]], form: str
) -> None:
    register = Register()
    for row in said:
        row["site"] = f"site-{row['zone']}"
        if "device" not in row:
            for column in ("interval_s", "from", "until"):
                row.pop(column, None)
        else:
            row["profile"] = "native"
        register = after({k: v for k, v in row.items() if v is not None}, register)
    text = export_csv(register) if form == "csv" else export_toml(register)
    if not text.strip():
        return
    again = planned(text, register, name=f"fleet.{form}")
    assert (again.added, again.changed, again.refused) == ((), (), ())
    fresh = planned(text, Register(), name=f"fleet.{form}")
    assert fresh.refused == ()
    assert mountings(after(text, Register(), name=f"fleet.{form}")) == mountings(
        register
    )
