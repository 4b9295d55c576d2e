"""Two hubs under one client id: the older one notices and ends.

A broker lets the newer connection in and drops the older, which looks like any
lost connection, so that both would come back for ever. Therefore each process
publishes its instance id once, retained, and listens to it: any other id that
comes after its own came back is younger. The broker's order decides, no clock.
"""

import threading

from sensorhub.model import TOPIC_ROOT


class InstanceWatch:
    """Detects that a younger hub uses the same client id."""

    def __init__(self, client_id: str, instance: str) -> None:
        self.topic = f"{TOPIC_ROOT}/hub/instance/{client_id}"
        self.topic_bytes = self.topic.encode()
        self.own = instance.encode()
        self.taken_over = threading.Event()
        self.came_back = False
        self._older: set[bytes] = set()

    def note_instance(self, instance: bytes) -> None:
        """Note an instance id that arrived; an empty one is a cleared topic."""
        if instance == self.own:
            self.came_back = True
        elif not self.came_back:
            self._older.add(instance)
        elif instance and instance not in self._older:
            self.taken_over.set()
