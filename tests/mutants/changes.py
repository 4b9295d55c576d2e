"""The changes: each breaks a promise, and names the tests that notice it."""

from typing import NamedTuple


class Mutant(NamedTuple):
    """A change of one file: text that stands there once, what stands there instead."""

    file: str
    old: str
    new: str
    tests: tuple[str, ...]  # node ids below tests/unit, without test_ in front

    @property
    def name(self) -> str:
        """The change as one line."""
        return f"{self.file}: {one_line(self.old)} -> {one_line(self.new)}"

    @property
    def node_ids(self) -> list[str]:
        """The tests as pytest names them."""
        return [f"tests/unit/test_{test}" for test in self.tests]


def one_line(text: str) -> str:
    """Text without line ends and repeated spaces."""
    return " ".join(text.split()) or "(nothing)"


def of(file: str, old: str, new: str, *tests: str) -> Mutant:
    """A change in a file of sensorhub."""
    return Mutant(f"sensorhub/{file}", old, new, tests)


KILLED_MIGRATING = "killed_while_migrating.py::test_"
RETAINED = "a_retained_message_of_a_network_server_is_a_duplicate_too"
WINDOW_16 = (
    "pipeline.py::test_a_devices_own_window_holds_16_when_the_large_one_has_passed"
)
FLIPPED = "journal.py::test_a_flipped_bit_that_still_unpacks_is_noticed_and_set_aside"
IN_ANY_ORDER = (
    "outages.py::test_what_one_gateway_explains_is_no_zones_trouble_in_whatever_order"
    "_rules_stand"
)
ID_OF_CAUSE = "open_alerts.py::test_an_id_is_made_of_what_happened_and_of_nothing_else"
TIMES = "validate.py::test_a_time_is_the_devices_else_the_networks_else_ours"
CLEARS = (
    "rules.py::test_a_value_at_the_threshold_raises_and_only_beyond_clear_it_clears"
)
HOLDS = "rules.py::test_a_hold_is_met_by_samples_and_not_across_more_than_max_gap"
RETRIES = "relay.py::test_retries_keep_the_id_and_follow_the_schedule_to_the_end"
SILENT = "watchdog.py::test_a_device_is_silent_after_its_intervals_and_at_least_so_long"
DEAF = "watchdog.py::test_time_in_which_the_hub_could_not_hear_makes_nobody_silent"
ACKNOWLEDGED = "loop.py::test_a_batch_is_acknowledged_once_it_is_committed"
FULL_DISK = "loop.py::test_while_the_disk_is_full_nothing_is_taken_and_nobody_is_silent"
DUE = "forecast.py::test_a_bin_known_for_sure_is_due_from_70_and_overfull_from_100"
IN_TIME = "open_alerts.py::test_ids_stand_in_the_order_of_what_happened"
ONCE = "commit.py::test_a_write_that_is_retried_changes_memory_once"

DUPLICATES = (
    of("state/dedup_window.py", "RING = 16", "RING = 15", WINDOW_16),
    of("state/dedup_window.py", "RING = 16", "RING = 8", WINDOW_16),
    of(
        "state/dedup_window.py",
        "RECENT = 65_536",
        "RECENT = 40_000",
        "pipeline.py::test_the_window_of_all_topics_holds_65536",
    ),
    of(
        "state/dedup_window.py",
        "BARE_MS = 60_000",
        "BARE_MS = 61_000",
        "pipeline.py::test_a_bare_uplink_is_known_again_for_a_minute",
    ),
    of(
        "ingest/reader.py",
        "is ENVELOPED and not refused",
        "is ENVELOPED",
        f"pipeline.py::test_{RETAINED}",
    ),
    of(
        "ingest/pipeline.py",
        "self._state.dedup.recent.add(columns.key.tolist())",
        "pass",
        "commands.py::test_a_replayed_dead_letter_sent_again_is_a_duplicate",
    ),
    of(
        "ingest/dedup.py",
        "duplicate |= i in",
        "duplicate &= i in",
        "pipeline.py::test_a_bare_uplink_is_known_again_for_a_minute",
    ),
)
RESTARTS = (
    of("store/hot/journal.py", "zlib.crc32(body) == checksum", "True", FLIPPED),
    of(
        "state/recovery.py",
        "registry.interval_ms[:] = intervals",
        "pass",
        "watchdog.py::test_an_interval_that_the_register_changed_holds_after_a_kill",
    ),
    of(
        "state/recovery.py",
        "max(reception.monitored_ms, int(covered or 0))",
        "reception.monitored_ms",
        "restart.py::test_a_killed_hub_ends_like_one_that_was_never_killed[0]",
    ),
    of(
        "state/recovery.py",
        "if row.sound:",
        "if True:",
        "own_faults.py::test_a_checkpoint_that_is_wrong_but_can_be_read_is_not_taken",
    ),
)
ACKS = (
    of(
        "hub/uplink_receiver.py",
        "began = time.monotonic()\n",
        "began = time.monotonic()\n        self.source.acknowledge(batch)\n",
        ACKNOWLEDGED,
    ),
    of(
        "hub/uplink_receiver.py", "self.source.acknowledge(batch)", "pass", ACKNOWLEDGED
    ),
    of("hub/uplink_receiver.py", " and not self.disk.full()", "", FULL_DISK),
    of("hub/uplink_receiver.py", "if self.disk.full():", "if False:", FULL_DISK),
    of(
        "hub/hub.py",
        "if self._stopping():",
        "if False:",
        "loop.py::test_what_was_never_written_is_never_acknowledged",
    ),
)
COMMITS = (
    of(
        "hub/write_queue.py",
        "            _try(hub, write)",
        "            pass",
        "own_faults.py::test_a_job_that_breaks_takes_nothing_with_it",
    ),
    of("hub/hub.py", "self._on_commit.clear()", "pass", ONCE),
    of(
        "hub/hub.py",
        "self.dead_letters.recount(self.connection)",
        "pass",
        "own_faults.py::test_dead_letter_bounds_hold_after_a_transaction_was_undone",
    ),
    of(
        "hub/hub.py",
        "if not database.may_pass(error):",
        "if True:",
        ONCE,
    ),
)
IDS = (
    of("alerts/transitions.py", "max(at or 0, 0)", "0", IN_TIME),
    of(
        "alerts/transitions.py",
        "(rule, subject, to, severity.word,",
        "(rule, subject, to,",
        ID_OF_CAUSE,
    ),
    of("alerts/transitions.py", "        cause.deadline_at,\n", "", ID_OF_CAUSE),
    of(
        "alerts/open_alerts.py",
        "alert.acknowledged_by = alert.acknowledged_at = None",
        "pass",
        "open_alerts.py::test_a_rise_to_danger_ends_the_acknowledgement_and_a_rise_below_does"
        "_not",
    ),
)
HOLDING = (
    of(
        "alerts/rule_track.py",
        "at - self.since >= rule.hold",
        "at - self.since > rule.hold",
        HOLDS,
    ),
    of("alerts/rule_track.py", "value >= limit.raise_", "value > limit.raise_", CLEARS),
    of("alerts/rule_track.py", "value < limit.clear", "value <= limit.clear", CLEARS),
    of(
        "alerts/rule_track.py",
        "at - self.clear_since >= rule.clear_hold",
        "True",
        "rules.py::test_a_clear_hold_is_a_hold_too",
    ),
    of(
        "alerts/rule_track.py",
        "self.bits.bit_count() >= rule.k",
        "self.bits.bit_count() > rule.k",
        "rules.py::test_k_of_the_last_n_samples_raise_and_fewer_clear",
    ),
    of(
        "alerts/rule_track.py",
        "met = scheduled and (",
        "met = (",
        "rules.py::test_out_of_schedule_it_may_clear_but_not_raise",
    ),
    of(
        "alerts/flapping.py",
        "ENTER = 0.5",
        "ENTER = 0.55",
        "flapping.py::test_it_enters_at_half",
    ),
    of(
        "alerts/flapping.py",
        "STATES = 21",
        "STATES = 20",
        "flapping.py::test_newer_changes_weigh_more_and_those_beyond_21_states_nothing",
    ),
)
SILENCE = (
    of(
        "alerting/group_outages.py",
        "sorted(rules, key=lambda one: one.rule.settings.by)",
        "list(rules)",
        IN_ANY_ORDER,
    ),
    of("alerts/timers.py", "np.maximum(interval_ms", "np.minimum(interval_ms", SILENT),
    of(
        "hub/watchdog.py",
        "        if hearing:\n            self.deaf",
        "        if True:\n            self.deaf",
        DEAF,
    ),
    of(
        "hub/watchdog.py",
        "OUTAGE_MS = 5 *",
        "OUTAGE_MS = 9 *",
        "due.py::test_a_deaf_hub_blames_nobody_and_has_an_outage_after_five_minutes",
    ),
    of(
        "alerting/system_alerts.py",
        "EXPIRY_MS = 24 *",
        "EXPIRY_MS = 25 *",
        "watchdog.py::test_an_own_fault_ends_after_a_day_without_another",
    ),
    of(
        "hub/stall_detector.py",
        "passed < STALL_S and",
        "",
        "pace.py::test_the_pace_is_kept_or_not",
    ),
)
CHANCES = (
    of("estimate/forecast.py", "DUE = 70", "DUE = 75", DUE),
    of("estimate/forecast.py", "(FULL - f) / sd", "(DUE - f) / sd", DUE),
    of(
        "alerts/rules.py",
        'CHANCES.index(level.chance or "due")',
        "0",
        "levels.py::test_rounds_say_until_when_a_forecast_looks",
    ),
    of(
        "estimate/forecast.py",
        "LOW, RAMP = 40.0",
        "LOW, RAMP = 20.0",
        "forecast.py::test_below_forty_percent_only_what_is_full_before_the_round_is"
        "_due",
    ),
    of(
        "estimate/waits.py",
        "TAKES_H = 1.0",
        "TAKES_H = 0.0",
        "crews.py::test_somebody_comes_with_the_next_round_or_when_crews_use_to_come",
    ),
    of(
        "estimate/emptying.py",
        '"open_start": level',
        '"open_start": 0 * level',
        "new_assets.py::test_what_an_emptying_left_is_not_booked_as_deposits",
    ),
    of(
        "estimate/adaptation.py",
        ' & (t["unconfirmed"] == 0)',
        "",
        "new_assets.py::test_what_an_emptying_left_is_not_booked_as_deposits",
    ),
    of(
        "alerting/reconcile.py",
        "if alert.rule in replacing",
        "if alert.rule == replacing",
        "notifications.py::test_where_another_rule_goes_on_the_end_is_recorded_and_told"
        "_to_nobody",
    ),
)
COUNTERS = (
    of(
        "ingest/dedup.py",
        "return int(known.sum() + again)",
        "return int(known.sum())",
        "pipeline.py::test_the_same_seq_with_other_content_is_new_and_counted",
    ),
    of(
        "ingest/native_reader.py",
        "parsed.zone_mismatch += 1",
        "pass",
        "pipeline.py::test_the_register_decides_the_zone_and_a_mismatch_is_counted",
    ),
    of(
        "ingest/reader.py",
        "parsed.events += 1",
        "pass",
        "pipeline.py::test_status_is_an_event_and_no_heartbeat",
    ),
    of(
        "ingest/outcomes.py",
        "(mine & ~rejected)",
        "mine",
        "pipeline.py::test_one_usable_value_stores_the_uplink_and_the_others_are"
        "_counted",
    ),
    of(
        "ingest/outcomes.py",
        "outcomes[:3].sum()",
        "outcomes.sum()",
        "commands.py::test_adopting_a_device_replays_what_was_kept_and_raises_nothing",
    ),
)
BOUNDS = (
    of(
        "notify/schedule.py",
        "attempts > len(DELAYS_S)",
        "attempts >= len(DELAYS_S)",
        RETRIES,
    ),
    of(
        "notify/schedule.py",
        "max(delay, min(",
        "max(0.0, min(",
        "relay.py::test_retries_spread_and_heed_retry_after_up_to_a_day",
    ),
    of(
        "notify/schedule.py",
        "LONGEST_RETRY_AFTER_S = 86_400.0",
        "LONGEST_RETRY_AFTER_S = 90_000.0",
        "relay.py::test_retries_spread_and_heed_retry_after_up_to_a_day",
    ),
    of(
        "store/migration.py",
        'event.listen(engine, "begin", lambda c: c.exec_driver_sql(BEGIN))',
        "pass",
        f"{KILLED_MIGRATING}an_older_folder_starts_after_a_kill_at_any_step",
    ),
    of(
        "store/migration.py",
        "while name.exists():",
        "while False:",
        f"{KILLED_MIGRATING}a_copy_of_an_earlier_migration_is_not_replaced",
    ),
    of(
        "store/disk_space.py",
        "self._reserve * (ENOUGH if self._full else 1)",
        "self._reserve",
        "room.py::test_nothing_is_taken_below_the_reserve_until_there_is_somewhat_more",
    ),
    of(
        "ingest/validate.py",
        "(value >= _LOW[code])",
        "(value > _LOW[code])",
        "validate.py::test_both_ends_of_a_range_belong_to_it",
    ),
)
CLOCK = (
    of("ingest/validate.py", "AHEAD_MS = 300_000", "AHEAD_MS = 299_000", TIMES),
    of(
        "ingest/validate.py",
        "np.where(network, network_time, received_at)",
        "received_at",
        TIMES,
    ),
    of(
        "clock.py",
        "elapsed // 2",
        "elapsed",
        "clock.py::test_a_wall_clock_set_back_slows_it_until_they_meet",
    ),
    of(
        "clock.py",
        "real_ms * self.speed",
        "real_ms",
        "clock.py::test_simulated_time_runs_from_its_start_at_its_speed",
    ),
    of(
        "state/dedup_window.py",
        "place = _places(starts, len(at))",
        "place = np.zeros(len(at), np.int64)",
        "derived.py::test_received_at_grows_by_a_millisecond_per_device_and_uplink",
    ),
)
MUTANTS = (
    *DUPLICATES,
    *RESTARTS,
    *ACKS,
    *COMMITS,
    *IDS,
    *HOLDING,
    *SILENCE,
    *CHANCES,
    *COUNTERS,
    *BOUNDS,
    *CLOCK,
)
