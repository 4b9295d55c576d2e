"""Built-in decoders: one line a family, one file a family.

Each function takes a frame's bytes and its LoRaWAN port. It never raises, and never
passes over a byte in silence: what it could not read stands in `errors`, what it
left out on purpose in `ignored`.
"""

from collections.abc import Callable

from sensorhub.decode.dragino_dds04 import dragino_dds04
from sensorhub.decode.dragino_ultrasonic import dragino_ultrasonic
from sensorhub.decode.milesight_em300_leak import em300_mld, em300_sld
from sensorhub.decode.milesight_em310 import em310_udl
from sensorhub.decode.milesight_em400 import em400
from sensorhub.decode.milesight_gs301 import gs301
from sensorhub.decode.milesight_vs350 import vs350
from sensorhub.model import Frame

DECODERS: dict[str, Callable[[bytes, int], Frame]] = {
    "dragino-dds04": dragino_dds04,
    "dragino-ultrasonic": dragino_ultrasonic,
    "milesight-em300-mld": em300_mld,
    "milesight-em300-sld": em300_sld,
    "milesight-em310": em310_udl,
    "milesight-em400": em400,
    "milesight-gs301": gs301,
    "milesight-vs350": vs350,
}
