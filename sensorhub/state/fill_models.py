"""Deposit laws and rounds of all devices, as columns."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensorhub.config.filling import DepositSettings, HolidaySettings, RoundSettings
from sensorhub.estimate.law import law_of, matrix_of
from sensorhub.estimate.plan import RoundPlans
from sensorhub.model import AssetKind
from sensorhub.registry.profiles import EchoSettings
from sensorhub.registry.registry import Registry
from sensorhub.state.fill_learning import KINDS

F64 = NDArray[np.float64]
Numbers = NDArray[np.intp]
USUAL_ECHO = EchoSettings()


class FillModels(NamedTuple):
    """Settings of deposits, rounds and holidays."""

    deposits: Mapping[AssetKind, DepositSettings] = MappingProxyType({})
    rounds: tuple[RoundSettings, ...] = ()
    timezone: str = "UTC"
    holidays: HolidaySettings = HolidaySettings()


class DeviceModels(NamedTuple):
    """Laws and rounds; by device which of them. Number 0 is that of nobody mounted."""

    laws: F64  # a row a number of `Law`, a column a law
    law_of: Numbers
    plans: RoundPlans
    plan_of: Numbers


def lay_out(registry: Registry, filling: FillModels) -> DeviceModels:
    """Who is mounted where now, and what that holds."""
    device = np.flatnonzero(registry.asset_of >= 0)
    device = device[registry.alike[registry.asset_of[device]] >= 0]
    asset = registry.asset_of[device]
    law_of_device = np.zeros(registry.devices, np.intp)
    plan_of_device = np.zeros(registry.devices, np.intp)
    people, plan, plans = _by_traits(registry, filling, asset)
    plan_of_device[device] = plan
    echo, echoes = _echoes(registry, device)
    litres = np.full(registry.assets, np.nan)
    litres[list(registry.capacity_l)] = list(registry.capacity_l.values())
    empty, full = registry.geometry.ends(asset)
    traits = (people, echo, litres[asset], empty, full)
    first, which = _alike(traits)
    law_of_device[device] = 1 + which
    laws = [_law(filling, (0, np.nan, np.nan, np.nan), USUAL_ECHO)]
    for kind, number, *measures in zip(*(each[first] for each in traits), strict=True):
        laws.append(_law(filling, (int(kind), *measures), echoes[number]))
    return DeviceModels(matrix_of(laws), law_of_device, plans, plan_of_device)


def _alike(columns: Sequence[NDArray[Any]]) -> tuple[Numbers, Numbers]:
    """Of rows: the first one of each sort, and which sort each is."""
    first, sort = np.zeros(0, np.intp), np.zeros(len(columns[0]), np.intp)
    for column in columns:
        _, which = np.unique(column, return_inverse=True)  # NaN is like NaN
        both = sort * (which.max(initial=0) + 1) + which
        _, first, sort = np.unique(both, return_index=True, return_inverse=True)
    return first, sort


def _by_traits(
    registry: Registry, filling: FillModels, asset: NDArray[np.int32]
) -> tuple[Numbers, Numbers, RoundPlans]:
    """Of assets: the population, the number of the rounds that come; all rounds."""
    first, alike = _alike([registry.alike[asset]])
    known: dict[frozenset[float], int] = {frozenset(): 0}
    people, plan = np.zeros((2, len(first)), np.intp)
    for place, number in enumerate(asset[first].tolist()):
        traits = registry.traits[number]
        assert traits is not None
        hours: set[float] = set()
        for round_ in filling.rounds:
            if round_.serves(traits.kind, traits.zone, traits.tags):
                hours |= round_.hours()
        people[place] = KINDS.index(traits.kind)
        plan[place] = known.setdefault(frozenset(hours), len(known))
    plans = RoundPlans([sorted(hours) for hours in list(known)[1:]])
    return people[alike], plan[alike], plans


def _echoes(registry: Registry, device: Numbers) -> tuple[Numbers, list[EchoSettings]]:
    """By device the number of how its sensor errs, and these."""
    profiles = [registry.profiles[number] for number in device.tolist()]
    kinds = {id(profile): profile for profile in profiles}
    place = {own: number for number, own in enumerate(kinds)}
    found = np.array([place[id(profile)] for profile in profiles], np.intp)
    return found, [p.echo if p else USUAL_ECHO for p in kinds.values()]


def _law(
    filling: FillModels, traits: tuple[int, float, float, float], echo: EchoSettings
) -> dict[str, float]:
    """The law of a population with its litres and ends in mm, where they are known."""
    people, litres, empty, full = traits
    ends = None if np.isnan(empty) else (empty, full)
    deposits = filling.deposits.get(KINDS[people], DepositSettings())
    return law_of(people, None if np.isnan(litres) else litres, ends, deposits, echo)
