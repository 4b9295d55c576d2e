"""Gas concentrations: mass per volume and parts per million by volume. Pure.

The ideal gas law: one cubic metre holds p / (R T) moles of air, so that 1 ppm of a
gas of molar mass M is p M / (R T) mg/m³ (p in kPa, M in g/mol, T in K).
R: CODATA 2018, exact since the SI of 2019. Molar masses: sums of the conventional
atomic weights of IUPAC (N 14.007, H 1.008, S 32.06).
"""

GAS_CONSTANT = 8.314462618  # J/(mol K)
MOLAR_MASS = {"nh3": 17.031, "h2s": 34.076}  # g/mol
ZERO_K = 273.15  # 0 °C
USUAL_CELSIUS = 25.0  # where the device never reported a temperature
ATMOSPHERE_KPA = 101.325


def mg_per_ppm(
    gas: str, celsius: float = USUAL_CELSIUS, kpa: float = ATMOSPHERE_KPA
) -> float:
    """How many mg/m³ 1 ppm of `gas` is at this temperature and pressure."""
    return kpa * MOLAR_MASS[gas] / (GAS_CONSTANT * (celsius + ZERO_K))


def to_mg(
    gas: str, ppm: float, celsius: float = USUAL_CELSIUS, kpa: float = ATMOSPHERE_KPA
) -> float:
    """ppm to mg/m³."""
    return ppm * mg_per_ppm(gas, celsius, kpa)


def to_ppm(
    gas: str, mg: float, celsius: float = USUAL_CELSIUS, kpa: float = ATMOSPHERE_KPA
) -> float:
    """mg/m³ to ppm."""
    return mg / mg_per_ppm(gas, celsius, kpa)
