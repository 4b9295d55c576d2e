"""One turn of waiting, reading and writing for a client, and how to wake it."""

import select
import socket

from paho.mqtt.enums import MQTTErrorCode

from sensorhub.listeners.connect import Client


class Network:
    """Waits for the broker and for other threads. `poll`: no limit of descriptors."""

    def __init__(self) -> None:
        self._here, self._there = socket.socketpair()
        self._here.setblocking(False)
        self._there.setblocking(False)

    def wake(self) -> None:
        """End the waiting of the network thread; from any thread."""
        try:
            self._there.send(b"\0")
        except OSError:
            return  # full: it wakes anyway; closed: nobody waits

    def turn(self, client: Client, *, reading: bool, wait_s: float) -> MQTTErrorCode:
        """Wait at most `wait_s`, then read, write, ping. Success: go on."""
        connection = client.socket()
        if connection is None:
            return MQTTErrorCode.MQTT_ERR_NO_CONN
        ours, theirs = self._here.fileno(), connection.fileno()
        poll = select.poll()
        poll.register(ours, select.POLLIN)
        wanted = select.POLLIN if reading else 0
        if client.want_write():
            wanted |= select.POLLOUT
        if wanted:  # else not even a hang-up is of interest: it would spin
            poll.register(theirs, wanted)
        events = dict(poll.poll(wait_s * 1000))
        if ours in events:
            self._clear()
        outcome = MQTTErrorCode.MQTT_ERR_SUCCESS
        if events.get(theirs, 0) & ~select.POLLOUT and reading:
            outcome = client.loop_read()
        if not outcome and client.want_write():
            outcome = client.loop_write()
        return outcome or client.loop_misc()

    def _clear(self) -> None:
        try:
            self._here.recv(4096)
        except BlockingIOError:
            return

    def close(self) -> None:
        """Give the descriptors back."""
        self._here.close()
        self._there.close()
