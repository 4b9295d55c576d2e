"""BrighterBins: packed bits, the last two are the message type; port 1, big-endian."""

PORT = 1
NO_FILL = 127
NO_ANSWER, SET_UP_WRONG = 511, 510  # cm, error codes instead of a distance


def fill(battery: int, celsius: int, percent: int) -> bytes:
    """Encode battery % (steps of 2), °C, the sensor's own fill level %."""
    word = battery // 2 << 16 | (celsius + 40) << 9 | percent << 2
    return word.to_bytes(3, "big")


def distance(battery: int, celsius: int, cm: int) -> bytes:
    """Encode battery % (steps of 2), °C, distance cm."""
    word = battery // 2 << 18 | (celsius + 40) << 11 | cm << 2 | 1
    return word.to_bytes(3, "big")
