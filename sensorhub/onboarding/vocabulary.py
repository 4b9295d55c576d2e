"""Names of measurements by vendors, codecs and hobbyists, in several languages.

Words are lower case without accents; a name of several words is looked up as a whole
and in parts.
"""

from typing import Final

# in order of precedence, for a name with words of several measurements
NAMES: Final[dict[str, str]] = {
    "fill_level": (
        "fill filllevel fillinglevel fillpercent fullness filling"
        " fillgrade wastelevel binlevel fulllevel levelpercent"
        " levelpercentage fillinglvl fillrate vulgraad vullingsgraad"
        " vulling vulniveau fullstand fuellstand fullgrad fuellgrad"
        " remplissage tauxderemplissage llenado nivelllenado riempimento"
        " livelloriempimento zaplneni naplneni wypelnienie"
        " poziomwypelnienia enchimento 满溢度 满溢 满度 填充率"
    ),
    "distance": (
        "distance dist distancemm afstand abstand distanz distancia"
        " distanza vzdalenost odleglosc avstand etaisyys ultrasonic ullage"
        " rangefinder 距离 测距"
    ),
    "temperature": (
        "temperature temp temperatur temperatuur temperatura teplota"
        " lampotila tmp tempc tempf airtemperature ambienttemperature 温度"
    ),
    "humidity": (
        "humidity hum humi humid rh relativehumidity vochtigheid"
        " luchtvochtigheid feuchte feuchtigkeit luftfeuchte"
        " luftfeuchtigkeit humidite humedad umidita umidade vlhkost"
        " wilgotnosc 湿度"
    ),
    "battery_voltage": (
        "vbat batv batvoltage batteryvoltage batterijspanning"
        " batteriespannung batmv batterymv tensionbatterie voltage volt"
        " volts spannung spanning tension vdd vcc 电压 电池电压"
    ),
    "battery": (
        "battery bat batt batterij batterie bateria akku baterie"
        " batterylevel batterypercent batterypercentage batteryremaining"
        " soc 电量 电池"
    ),
    "nh3": "nh3 ammonia ammoniak ammoniac amoniaco ammoniaca 氨气 氨",
    "h2s": (
        "h2s hydrogensulfide hydrogensulphide schwefelwasserstoff"
        " zwavelwaterstof sulfuredhydrogene 硫化氢"
    ),
    "tilt": (
        "angle tiltangle tiltdegrees inclination inclinationdegree winkel"
        " neigung hoek inclinaison angulo 倾角 角度"
    ),
    "tilted": (
        "tilt tilted position kantel gekanteld gekippt kippung fall"
        " fallen falldown tipped tipover dropped renverse volcado 倾斜 倾倒 倾覆"
    ),
    "leak": (
        "leak leakage leakagestatus waterleak water leaking flood flooded"
        " lek lekkage lekstatus lekdetectie leck leckage wasser fuite fuga"
        " perdita 漏水 水浸"
    ),
    "lid_open": (
        "lid lidopen open door dooropen doorstatus magnet reed contact"
        " deckel deksel klep deur tur tuer couvercle porte tapa puerta"
        " coperchio porta 门磁 门 盖"
    ),
    "occupied": (
        "occupied occupancy occupy occupation presence bezet bezetting"
        " belegt belegung besetzt anwesenheit occupe ocupado occupato pir"
        " motion movement beweging 占用 有人"
    ),
    "count_in": (
        "countin totalin peopletotalin linetotalin intotal entries"
        " entered counterin peoplein personsin totala countera 进入 进"
    ),
    "count_out": (
        "countout totalout peopletotalout linetotalout outtotal exits"
        " exited counterout peopleout personsout totalb counterb 离开 出"
    ),
    "rssi": "rssi",
    "snr": "snr lorasnr lsnr",
}
MEASUREMENT_OF: Final = {
    word: name for name, words in NAMES.items() for word in words.split()
}

# words that invert the meaning: space left, charge left
INVERTING: Final = frozenset(["remaining", "free", "left", "rest", "restant"])
PERIOD: Final = frozenset(["period", "periodic", "delta", "since", "interval"])

# words of a name that is not about the current value
NOT_CURRENT: Final = frozenset(
    [
        "change",
        "changed",
        "changes",
        "threshold",
        "reached",
        "limit",
        "alarm",
        "alert",
        "error",
        "history",
        "percentile",
        "unit",
        "display",
        "type",
        "version",
        "interval",
        "setting",
        "settings",
        "mode",
    ]
)
FLAG_NOT_CURRENT: Final = (NOT_CURRENT - {"alarm", "alert"}) | frozenset(
    [
        "count",
        "counts",
        "times",
        "duration",
        "minutes",
        "hours",
        "since",
        "closings",
        "openings",
    ]
)
BOARD: Final = frozenset(["board", "internal", "cpu", "chip", "device"])

# the unit at the end of a name: scale and offset to the catalogue's unit
UNITS: Final[dict[str, dict[str, tuple[float, float]]]] = {
    "distance": {
        "mm": (1, 0),
        "cm": (10, 0),
        "dm": (100, 0),
        "m": (1000, 0),
        "inch": (25.4, 0),
        "in": (25.4, 0),
        "ft": (304.8, 0),
    },
    "temperature": {
        "c": (1, 0),
        "degc": (1, 0),
        "celsius": (1, 0),
        "f": (5 / 9, -160 / 9),
        "degf": (5 / 9, -160 / 9),
        "fahrenheit": (5 / 9, -160 / 9),
        "k": (1, -273.15),
    },
    "battery_voltage": {"mv": (0.001, 0), "v": (1, 0)},
    "nh3": {"ppm": (1, 0), "ppb": (0.001, 0)},
    "h2s": {"ppm": (1, 0), "ppb": (0.001, 0)},
    **{
        name: {"percent": (1, 0), "pct": (1, 0), "perc": (1, 0), "procent": (1, 0)}
        for name in ("fill_level", "humidity", "battery")
    },
}

# words that codecs give for flags: (0, 1)
_OFF, _ON = "normal no off false ok 0", "yes on true alarm 1"
WORDS: Final[dict[str, tuple[str, str]]] = {
    "tilted": (f"{_OFF} upright standing", f"{_ON} tilt tilted fall fallen"),
    "leak": (f"{_OFF} dry noleak", f"{_ON} leak leaking leakage wet water"),
    "lid_open": (f"{_OFF} close closed shut", f"{_ON} open opened"),
    "occupied": (
        f"{_OFF} vacant free unoccupied idle empty",
        f"{_ON} occupied busy occupy motion trigger triggered present",
    ),
}
COMMON_WORDS: Final = {
    "tilted": ("normal", "tilt"),
    "leak": ("normal", "leak"),
    "lid_open": ("close", "open"),
    "occupied": ("vacant", "occupied"),
}
