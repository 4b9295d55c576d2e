"""Settings: file, environment over it, secrets from files, all faults at once."""

from pathlib import Path
from typing import Any

import pytest

from sensorhub.config.settings import (
    Settings,
    load_settings,
    mqtt_password,
    start_ms,
)
from sensorhub.errors import ConfigError


def loaded(folder: Path, text: str = "", **environ: str) -> Settings:
    (folder / "sensorhub.toml").write_text(text, "utf-8")
    return load_settings(folder, {f"SENSORHUB_{k}": v for k, v in environ.items()})


def faults(folder: Path, text: str = "", **environ: str) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text, **environ)
    return {fault.where: fault.what for fault in caught.value.faults}


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert load_settings(tmp_path, {}) == Settings()
    assert Settings().mqtt.version == "3.1.1"
    assert Settings().timezone == "Asia/Shanghai"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("MQTT__HOST", "broker.town", "broker.town"),
        ("MQTT__PORT", "8883", 8883),
        ("MQTT__TLS", "true", True),
        ("MQTT__USERNAME", "123", "123"),
        ("CLOCK__SPEED", "60", 60.0),
        ("TIMEZONE", "Europe/Paris", "Europe/Paris"),
        ("NOTIFY__PRIVATE_NETWORKS", '["10.0.0.0/8"]', ("10.0.0.0/8",)),
    ],
)
def test_the_environment_goes_over_the_file(
    tmp_path: Path, name: str, value: str, expected: Any
) -> None:
    text = 'timezone = "Asia/Tokyo"\n[mqtt]\nhost = "file"\nport = 1\n'
    found: Any = loaded(tmp_path, text, **{name: value})
    for part in name.lower().split("__"):
        found = getattr(found, part)
    assert found == expected


def test_what_the_environment_does_not_name_stays_the_files(tmp_path: Path) -> None:
    found = loaded(tmp_path, '[mqtt]\nhost = "file"\nport = 7\n', MQTT__PORT="8")
    assert (found.mqtt.host, found.mqtt.port) == ("file", 8)


def test_a_topic_list_can_come_from_the_environment(tmp_path: Path) -> None:
    found = loaded(tmp_path, MQTT__TOPICS='[{"filter": "a/#", "kind": "tts"}]')
    assert [(t.filter, t.kind) for t in found.mqtt.topics] == [("a/#", "tts")]


def test_a_password_comes_from_its_file_without_the_line_end(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("päss wörd\n", "utf-8")
    found = loaded(tmp_path, MQTT__PASSWORD_FILE=str(secret))
    assert mqtt_password(found.mqtt) == "päss wörd"
    assert mqtt_password(loaded(tmp_path, MQTT__PASSWORD="x").mqtt) == "x"
    assert mqtt_password(Settings().mqtt) is None


def test_a_password_never_stands_in_what_is_shown(tmp_path: Path) -> None:
    found = loaded(tmp_path, MQTT__PASSWORD="hush-hush")
    assert "hush-hush" not in repr(found)
    told = faults(tmp_path, "[mqtt]\npassword = 5\nport = 0\n", MQTT__PASSWORD_FILE="x")
    assert "hush" not in repr(told)


def test_all_faults_are_told_at_once_with_key_or_variable(tmp_path: Path) -> None:
    text = 'timezone = "China"\ncolour = "red"\n[mqtt]\nport = 70000\nhsot = "x"\n'
    told = faults(tmp_path, text, CLOCK__SPEED="fast", MQTT__TOPICS="[oops")
    assert told.keys() == {
        "timezone",
        "colour",
        "mqtt.port",
        "mqtt.hsot",
        "SENSORHUB_CLOCK__SPEED",
        "SENSORHUB_MQTT__TOPICS",
    }
    assert "docs/settings.md" in told["colour"]
    assert "70000" in told["mqtt.port"]


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("[mqtt\n", "syntax", "line 1"),
        ('[mqtt]\ncert_file = "a"\ntls = true\n', "mqtt", "belong together"),
        ('[mqtt]\nca_file = "a"\n', "mqtt", "tls = true"),
        ('[mqtt]\npassword = "a"\npassword_file = "b"\n', "mqtt", "not both"),
        ('[mqtt]\nversion = "4"\n', "mqtt.version", "3.1.1"),
        ("[mqtt]\ntopics = []\n", "mqtt.topics", "at least 1"),
        ('[mqtt]\nclient_id = "a b"\n', "mqtt.client_id", "an id"),
        ('[mqtt]\ntls = true\nca_file = "none"\n', "mqtt.ca_file", "no such file"),
        (
            '[notify]\nprivate_networks = ["ten"]\n',
            "notify.private_networks.0",
            "10.0.0",
        ),
        ("[clock]\nstart = 2026-11-18T00:00:00\n", "clock.start", "timezone"),
        ("[clock]\nspeed = 0\n", "clock.speed", "greater than 0"),
        ("mqtt = 3\n", "mqtt", "table"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused_in_words(
    tmp_path: Path, text: str, where: str, what: str
) -> None:
    told = faults(tmp_path, text)
    assert what in told[where], told


def test_a_variable_below_a_plain_value_is_a_fault(tmp_path: Path) -> None:
    assert "SENSORHUB_TIMEZONE__X" in faults(
        tmp_path, "timezone = 'UTC'", TIMEZONE__X="1"
    )


def test_the_start_of_simulated_time_is_epoch_ms(tmp_path: Path) -> None:
    found = loaded(tmp_path, CLOCK__START="2026-11-18T00:00:00+08:00")
    assert start_ms(found.clock) == 1_794_931_200_000
    assert start_ms(Settings().clock) is None


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "sensorhub.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(tmp_path, {})


@pytest.mark.parametrize("text", ["a/#/b", "a/b+/c", "a/b#", "", "#/a", "a\\u0000b"])
def test_a_topic_filter_that_no_broker_takes_is_a_fault(
    tmp_path: Path, text: str
) -> None:
    toml = f'[[mqtt.topics]]\nfilter = "{text}"\nkind = "tts"\n'
    assert "mqtt.topics.0.filter" in faults(tmp_path, toml)


def test_a_native_filter_has_a_level_for_the_device(tmp_path: Path) -> None:
    toml = '[[mqtt.topics]]\nfilter = "up"\nkind = "native"\n'
    assert "3 levels" in faults(tmp_path, toml)["mqtt.topics.0"]


@pytest.mark.parametrize(
    ("lines", "where", "what"),
    [
        ('url = "influx:8086"', "influx", "http://host:port"),
        ('url = "http://u:p@h:1"\ntoken = "t"', "influx", "no user"),
        ('url = "http://h:1"', "influx", "token or token_file"),
        ('url = "http://h:1"\ntoken = "t"', "influx", "set org"),
        (
            'url = "http://h:1"\ntoken_file = "nowhere"\norg = "o"',
            "influx.token_file",
            "no such file: nowhere",
        ),
        ('flavour = "v4"', "influx.flavour", "v1"),
        ("journal_mb = 0", "influx.journal_mb", "greater than or equal to 1"),
        ("token = 12345", "influx.token", "string"),
    ],
)
def test_influx_settings_are_checked_at_the_start_and_no_token_is_shown(
    tmp_path: Path, lines: str, where: str, what: str
) -> None:
    said = faults(tmp_path, f"[influx]\n{lines}")
    assert what in said[where]
    assert "12345" not in said[where]


def test_influx_is_off_without_a_url_and_v1_needs_no_org(tmp_path: Path) -> None:
    assert not loaded(tmp_path).influx.on
    (tmp_path / "token").write_text("user:password\n", "utf-8")
    lines = f'url = "https://h"\ntoken_file = "{tmp_path}/token"\nflavour = "v1"'
    influx = loaded(tmp_path, f"[influx]\n{lines}").influx
    assert influx.on
    assert influx.secret() == "user:password"
