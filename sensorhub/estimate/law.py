"""Deposit laws and sensor errors: the parameters of the filter.

All in percent of the asset's volume. A deposit law in litres becomes percent by the
asset's capacity, a sensor's error in millimetres by its height, so that one law fits
bins of any size.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensorhub.config.filling import DepositSettings
from sensorhub.registry.profiles import EchoSettings

F64 = NDArray[np.float64]
USUAL_LITRES = 120.0
USUAL_MM = 900.0
ROUGH_MM = 50.0  # waste under the beam is so uneven, before it is known better


class Law(NamedTuple):
    """Columns of assets with their sensors; names as in docs/estimation.md."""

    population: F64
    mean: F64  # of a deposit, %
    phi: F64  # E[v²]/E[v], %: variance of what comes over its mean
    phi_small: F64  # the same without big bags
    big: F64  # chance that a deposit is a big bag
    big_mean: F64
    big_var: F64
    big_volume: F64  # share of the volume that comes in big bags
    noise: F64  # variance of a reading, %²
    rough: F64  # variance of the surface under the beam at first, %²
    blind: F64  # what a reading shows when the content is too near, %
    near: F64
    missed: F64
    residue: F64  # mean and variance of what an emptying leaves, %
    residue_var: F64


def law_of(
    population: int,
    litres: float | None,
    mm: tuple[float, float] | None,
    deposits: DepositSettings,
    echo: EchoSettings,
) -> dict[str, float]:
    """The law of an asset, by the names of `Law`.

    `litres`: what it holds; `mm`: what a sensor sees when it is empty and full.
    """
    share = 100.0 / (litres or USUAL_LITRES)
    height = mm[0] - mm[1] if mm else USUAL_MM
    small, big = deposits.litres * share, deposits.big_litres * share
    p = deposits.big_share
    small_2 = (1 - p) * small**2 * (1 + 1 / deposits.shape)
    big_2 = big**2 * (1 + 1 / deposits.big_shape)
    mean = (1 - p) * small + p * big
    return {
        "population": population,
        "mean": mean,
        "phi": (small_2 + p * big_2) / mean,
        "phi_small": small_2 / mean,
        "big": p,
        "big_mean": big,
        "big_var": big**2 / deposits.big_shape,
        "big_volume": p * big / mean,
        "noise": (echo.noise_mm**2 + echo.quantum_mm**2 / 12) * (100 / height) ** 2,
        "rough": (100 * ROUGH_MM / height) ** 2,
        "blind": 100 * (mm[0] - echo.blind_mm) / height if mm else 100.0,
        "near": echo.near,
        "missed": echo.missed,
        "residue": deposits.residue,
        "residue_var": deposits.residue_sd**2,
    }


def matrix_of(laws: Sequence[Mapping[str, float]]) -> F64:
    """Laws as a matrix: a row a field of `Law`, a column a law."""
    return np.array([[law[name] for law in laws] for name in Law._fields], np.float64)
