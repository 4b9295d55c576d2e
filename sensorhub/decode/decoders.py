"""Built-in decoders: one line each, one file a family.

Each function takes a frame's bytes, and the LoRaWAN port if the layout depends on it.
It never raises and never skips a byte silently: `errors` lists what it could not read,
`ignored` what it left out on purpose.
"""

from sensorhub.decode.brighterbins import brighterbins
from sensorhub.decode.browan import dw10, tbdw100, tbhv110, tbms100, tbpb100, tbwl100
from sensorhub.decode.decentlab import lid, mbx
from sensorhub.decode.dingtek import df702
from sensorhub.decode.dragino_contact import dragino_contact
from sensorhub.decode.dragino_dds04 import dragino_dds04
from sensorhub.decode.dragino_llds12 import llds12
from sensorhub.decode.dragino_ultrasonic import dragino_ultrasonic
from sensorhub.decode.elsys import elsys
from sensorhub.decode.enginko import enginko_level
from sensorhub.decode.field_readers import FrameDecoder, PortDecoder
from sensorhub.decode.imbuildings import imbuildings
from sensorhub.decode.milesight_em300_leak import em300_mld, em300_sld
from sensorhub.decode.milesight_em310 import em310_udl
from sensorhub.decode.milesight_em400 import em400
from sensorhub.decode.milesight_em410 import em410_rdl
from sensorhub.decode.milesight_em500 import em500_udl
from sensorhub.decode.milesight_gs301 import gs301
from sensorhub.decode.milesight_room import am107, em320_tilt
from sensorhub.decode.milesight_vs13x import vs13x
from sensorhub.decode.milesight_vs121 import vs121
from sensorhub.decode.milesight_vs330 import vs330, vs340
from sensorhub.decode.milesight_vs350 import vs350, vs360
from sensorhub.decode.milesight_ws import ws201, ws202, ws203, ws301, ws303
from sensorhub.decode.netvox import netvox
from sensorhub.decode.noah import noah
from sensorhub.decode.teneo import teneo
from sensorhub.model import Frame

_ON_ANY_PORT: dict[str | None, FrameDecoder] = {
    "brighterbins": brighterbins,
    "decentlab-lid": lid,
    "decentlab-mbx": mbx,
    "elsys": elsys,
    "milesight-am107": am107,
    "milesight-em300-mld": em300_mld,
    "milesight-em300-sld": em300_sld,
    "milesight-em310": em310_udl,
    "milesight-em320-tilt": em320_tilt,
    "milesight-em400": em400,
    "milesight-em410": em410_rdl,
    "milesight-em500-udl": em500_udl,
    "milesight-gs301": gs301,
    "milesight-vs121": vs121,
    "milesight-vs13x": vs13x,
    "milesight-vs330": vs330,
    "milesight-vs340": vs340,
    "milesight-vs350": vs350,
    "milesight-vs360": vs360,
    "milesight-ws201": ws201,
    "milesight-ws202": ws202,
    "milesight-ws203": ws203,
    "milesight-ws301": ws301,
    "milesight-ws303": ws303,
}
_BY_PORT: dict[str | None, PortDecoder] = {
    "browan-dw10": dw10,
    "browan-tbdw100": tbdw100,
    "browan-tbhv110": tbhv110,
    "browan-tbms100": tbms100,
    "browan-tbpb100": tbpb100,
    "browan-tbwl100": tbwl100,
    "dingtek-df702": df702,
    "dragino-contact": dragino_contact,
    "dragino-dds04": dragino_dds04,
    "dragino-llds12": llds12,
    "dragino-ultrasonic": dragino_ultrasonic,
    "enginko-level": enginko_level,
    "imbuildings": imbuildings,
    "netvox": netvox,
    "noah": noah,
    "teneo": teneo,
}
DECODERS = frozenset(name for name in (*_ON_ANY_PORT, *_BY_PORT) if name)


def decode_frame(decoder: str | None, frame: bytes, port: int) -> Frame | None:
    """Decode a frame with the named decoder; None where there is no such decoder."""
    if decoder in _ON_ANY_PORT:
        return _ON_ANY_PORT[decoder](frame)
    if decoder in _BY_PORT:
        return _BY_PORT[decoder](frame, port)
    return None
