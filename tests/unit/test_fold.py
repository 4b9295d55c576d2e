"""The fold of journal rows leaves the state that live batches left, field by field."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from sensorhub.model import NEVER
from sensorhub.state.recovery import memory, registry_of
from sensorhub.state.state import State
from tests.support.happenings import FLEET, RULES, START, World, do
from tests.support.stories import Story, state_facts

PHASES = (Phase.explicit, Phase.reuse, Phase.generate)  # shrinking takes minutes
PASSING = {"batch", "tick", "act"}  # what needs no hub that begins anew


def folded(story: Story) -> State:
    """The state out of what is on disk: checkpoints, and the journal after them."""
    hub = story.hub
    registry = registry_of(hub.connection, story.profiles, story.clock.now())
    rules = hub.session.state.rules.rules
    state, _ = memory(hub.connection, story.settings, registry, rules)
    reception = state.reception
    reception.monitored_at[reception.monitored_at == NEVER] = reception.monitored_ms
    state.rules.refresh()
    return state


@settings(max_examples=15, deadline=None, phases=PHASES)
@given(
    seed=st.integers(0, 2**32),
    count=st.integers(1, 60),
    checkpoint=st.integers(0, 60),
    served=st.sets(st.integers(0, 60), max_size=3),
)
def test_any_batches_leave_the_same_state_live_and_folded(
    seed: int, count: int, checkpoint: int, served: set[int]
) -> None:
    with TemporaryDirectory() as folder:
        story = Story(Path(folder), START, RULES, FLEET)
        acts = [act for act in World(seed).acts(count) if act[0] in PASSING]
        for number, act in enumerate(acts):
            if number == checkpoint:
                story.hub.checkpoint_all()
            do(story, act)
            if number in served:
                now = story.clock.now()
                for kind, asset in (("cleaned", "wc1"), ("emptied", "bin1")):
                    story.act("service", asset=asset, kind=kind, at=now)
        now = story.clock.now()
        live, again = (
            state_facts(story.hub.session.state, now),
            state_facts(folded(story), now),
        )
        story.close()
    assert live.keys() == again.keys()
    for name, values in live.items():
        assert again[name] == values, name
