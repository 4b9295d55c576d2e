"""The measure of our cost: paho receives, acknowledges and counts, no more."""

import sys
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

seen = 0


def main(port: str, name: str) -> None:
    """Print how many came, whenever another thousand is full or asked for."""
    client = paho.Client(CallbackAPIVersion.VERSION2, "bare")

    def count(_client: object, _data: object, _message: object) -> None:
        global seen
        seen += 1
        if not seen % 1_000:
            print(seen, flush=True)

    def subscribe(*_: Any) -> None:
        client.subscribe(name, 1)

    client.on_connect = subscribe
    client.on_subscribe = lambda *_: print("ready", flush=True)
    client.on_message = count
    client.connect("127.0.0.1", int(port))
    client.loop_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
