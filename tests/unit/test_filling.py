"""Laws and rounds of all devices as columns: each has what its asset and sensor say."""

import numpy as np

from sensorhub.config.filling import DepositSettings, RoundSettings
from sensorhub.estimate.law import Law, law_of
from sensorhub.model import AssetKind
from sensorhub.registry.profiles import EchoSettings
from sensorhub.registry.registry import AssetRow, DeviceRow, MountingRow, Registry
from sensorhub.state.fill_models import FillModels, lay_out
from tests.support.town import profiles

ROUND = RoundSettings.model_validate({"zone": "east", "times": ["07:00"]})
LATE = RoundSettings.model_validate({"kind": "container", "times": ["22:00"]})
BULKY = {AssetKind.CONTAINER: DepositSettings(litres=3.0)}
TABLE = "1000:0 500:30 100:200"
BLIND = EchoSettings(blind_mm=250)
# kind, zone, empty and full mm, table, litres, how its sensor errs, hours of rounds
ASSETS = [
    ("bin", "east", 1200.0, 200.0, "", 240.0, None, {7.0}),
    ("bin", "west", 1200.0, 200.0, "", None, None, set()),
    ("bin", "east", None, None, "", 240.0, BLIND, {7.0}),
    ("container", "west", None, None, TABLE, None, None, {22.0}),
    ("container", "east", 1200.0, 200.0, TABLE, 800.0, BLIND, {7.0, 22.0}),
    ("bin", "east", 1200.0, 200.0, "", 240.0, None, {7.0}),  # like the first
]


def register(mounted: int) -> Registry:
    """The first `mounted` assets have a device."""
    known = profiles() | {
        "blind": profiles()["native"].model_copy(update={"echo": BLIND})
    }
    rows = [
        AssetRow(
            *(i, f"a{i}", "", kind, zone, "site", empty, full, ""),
            *(None, None, None, table, litres),
        )
        for i, (kind, zone, empty, full, table, litres, *_) in enumerate(ASSETS, 1)
    ]
    devices = [
        DeviceRow(i, f"d{i}", "blind" if asset[6] else "native", None, None)
        for i, asset in enumerate(ASSETS, 1)
    ]
    mountings = [MountingRow(i, i, None, None) for i in range(1, mounted + 1)]
    found = Registry(rows, devices, mountings, known)
    found.settle(1)
    return found


def test_each_device_has_the_law_and_the_rounds_of_its_asset() -> None:
    filling = FillModels(BULKY, (ROUND, LATE))
    laid = lay_out(register(len(ASSETS)), filling)
    for device, asset in enumerate(ASSETS, 1):
        kind, _, empty, full, table, litres, echo, hours = asset
        ends = (1000.0, 100.0) if table else (empty, full) if empty and full else None
        people = list(AssetKind).index(AssetKind(kind))
        deposits = BULKY.get(AssetKind(kind), DepositSettings())
        expected = law_of(people, litres, ends, deposits, echo or EchoSettings())
        found = laid.laws[:, laid.law_of[device]]
        assert found.tolist() == [expected[name] for name in Law._fields]
        plan = laid.plan_of[device : device + 1]
        ahead = laid.plans.next_in(plan, np.array([96.0]))[0]  # from a Monday 0 h on
        assert ahead == min(hours, default=np.inf)
    assert laid.law_of[1] == laid.law_of[6]
    assert len({*laid.law_of.tolist()}) == len(ASSETS)  # 0, and those that differ


def test_who_is_not_mounted_has_no_rounds_and_nobodys_law() -> None:
    laid = lay_out(register(2), FillModels(BULKY, (ROUND, LATE)))
    assert laid.law_of[3:].tolist() == laid.plan_of[3:].tolist() == [0] * 4
    nobody = lay_out(register(0), FillModels())
    assert nobody.laws.shape[1] == 1
