"""What a live batch decides while it changes the state."""

from sensorhub.alerting.lifecycle import AlertLifecycle
from sensorhub.columns import Service
from sensorhub.state.rule_evaluation import Moved
from sensorhub.state.state import State
from sensorhub.store.hot.changeset import ChangeSet


class LiveHooks:
    """Hands services and moved levels to the lifecycle, into a batch's change set.

    `services` are those that were not known before, for the journal.
    """

    mask = None  # all devices change

    def __init__(
        self, state: State, lifecycle: AlertLifecycle, change_set: ChangeSet
    ) -> None:
        self._state, self._lifecycle = state, lifecycle
        self._change_set = change_set
        self.services: list[Service] = []

    def confirms(self, emptying: Service, series: int, at: int) -> bool:
        """Whether no other sensor on the asset shows content."""
        return not self._state.readings.content_shown(series, at)

    def serve(self, service: Service, received_at: int) -> None:
        """Enter a service that readings show."""
        if self._lifecycle.record_service(
            self._change_set, service, "sensor", received_at
        ):
            self.services.append(service)

    def decide(self, moved: list[Moved], received_at: int, measured_at: int) -> None:
        """Decide about alerts by levels that moved."""
        self._lifecycle.evaluate_sample(
            self._change_set, moved, received_at, measured_at
        )
