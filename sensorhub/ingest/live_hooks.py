"""What a live batch decides while it changes the state."""

from collections.abc import Mapping

from sensorhub.alerting.lifecycle import AlertLifecycle
from sensorhub.columns import NO_DEVICE, Columns, Notes, Service
from sensorhub.ingest.outcomes import learn_by_day
from sensorhub.ingest.readings import fill_levels, with_readings
from sensorhub.model import Outcome
from sensorhub.state.rule_evaluation import LevelChange
from sensorhub.state.sensor_health import SensorObservations
from sensorhub.state.state import State
from sensorhub.store.hot.changeset import ChangeSet


class LiveHooks:
    """Decides by a batch: alerts go into the change set, the rest into the notes.

    `heard_by` has the gateways that heard an uplink, the loudest first.
    """

    mask = None  # all devices change

    def __init__(
        self,
        state: State,
        lifecycle: AlertLifecycle,
        change_set: ChangeSet,
        notes: Notes,
        heard_by: Mapping[int, tuple[str, ...]],
    ) -> None:
        self._state, self._lifecycle = state, lifecycle
        self._change_set, self._notes = change_set, notes
        self._heard_by = heard_by

    def derive(self, columns: Columns, observed: SensorObservations) -> Columns:
        """Mark suspect readings; add fill levels and what sensors show."""
        uplink_of = columns.reading_uplink()
        extra = fill_levels(self._state.registry, columns, uplink_of)
        observed.mark(columns)
        extra += observed.derived
        return with_readings(columns, uplink_of, extra) if extra else columns

    def gateways(self, columns: Columns) -> list[tuple[int, int]]:
        """Devices that the gateway of before does not hear."""
        known = self._state.reception.gateway
        subjects, found = self._state.subjects, self._notes.gateways
        taken: dict[int, int] = {}
        for uplink, ids in self._heard_by.items():
            device = columns.device.item(uplink)
            if device < 0 or columns.outcome.item(uplink) == Outcome.DUPLICATE:
                continue
            before = taken.get(device) or known.item(device)
            if before and before in [subjects.known("gateway", x) for x in ids]:
                continue
            taken[device] = subjects.number("gateway", ids[0])
            found.append((device, taken[device]))
        return found

    def receive(self, columns: Columns) -> None:
        """Devices that were silent and spoke; assets that speak the first time."""
        heard = (columns.device != NO_DEVICE) & (columns.outcome <= Outcome.DEAD)
        heard &= columns.outcome != Outcome.DUPLICATE
        device, received_at = columns.device[heard], columns.received_at[heard]
        self._lifecycle.record_uplinks(self._change_set, device, received_at)

    def learn(self, received_at: int) -> None:
        """Go by the weeks that are learnt, where a local day begins."""
        learning = self._state.levels.learning
        taught = learn_by_day(learning, received_at, self._change_set)
        self._notes.usage, self._notes.persistence = taught

    def confirms(self, _emptying: Service, series: int, at: int) -> bool:
        """Whether no other sensor on the asset shows content."""
        return not self._state.readings.content_shown(series, at)

    def serve(self, service: Service, received_at: int) -> None:
        """Enter a service that readings show; a known one is not noted."""
        change_set, by = self._change_set, "sensor"
        if self._lifecycle.record_service(change_set, service, by, received_at):
            self._notes.services.append(service)

    def decide(
        self, moved: list[LevelChange], received_at: int, measured_at: int
    ) -> None:
        """Decide about alerts by levels that moved."""
        self._lifecycle.evaluate_sample(
            self._change_set, moved, received_at, measured_at
        )

    def finish(self, columns: Columns, observed: SensorObservations) -> None:
        """Enter the cleanings that show in the air."""
        for uplink, at in observed.cleanings:
            asset = self._state.registry.asset_at(columns.device.item(uplink), at)
            if asset >= 0:
                service = Service(asset, "cleaned", at)
                self.serve(service, columns.received_at.item(uplink))
