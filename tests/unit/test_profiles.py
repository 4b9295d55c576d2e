from pathlib import Path

import pytest

from sensorhub.decode.decoders import DECODERS
from sensorhub.decode.mapping import map_fields
from sensorhub.errors import ConfigError
from sensorhub.model import Field
from sensorhub.registry.profiles import NATIVE, load_profiles, profiles_table

DOC = Path(__file__).parents[2] / "docs" / "decoders.md"
OWN = """
[acme-bin-eye]
vendor = "Acme"
model = "Bin Eye"
interval_s = 900
map.fill_cm = { measurement = "distance", scale = 10, offset = -5, no_value = [999] }
"""


def write(folder: Path, text: str, name: str = "own.toml") -> Path:
    (folder / "profiles").mkdir(exist_ok=True)
    (folder / "profiles" / name).write_text(text, "utf-8")
    return folder


def faults(folder: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_profiles(folder, DECODERS)
    return [str(fault) for fault in caught.value.faults]


def test_the_built_in_profiles_are_sound_and_named_vendor_model() -> None:
    profiles = load_profiles(None, DECODERS)
    assert profiles[NATIVE].decoder == NATIVE
    assert "milesight-em400-tld" in profiles
    for name, profile in profiles.items():
        model = profile.model.lower()
        assert name in (NATIVE, f"{profile.vendor.lower()}-{model}")


def test_every_decoder_has_a_profile() -> None:
    used = {profile.decoder for profile in load_profiles(None, DECODERS).values()}
    assert set(DECODERS) <= used


def test_a_town_adds_a_profile_of_its_own(tmp_path: Path) -> None:
    profiles = load_profiles(write(tmp_path, OWN), DECODERS)
    profile = profiles["acme-bin-eye"]
    fields = [Field("fill_cm", 80.0), Field("fill_cm", 999.0), Field("battery", 50.0)]
    mapped = map_fields(profile, fields)
    assert mapped.readings == [(2, 795.0, None), (5, 50.0, None)]
    assert mapped.ignored == ["fill_cm: 999 stands for no value"]
    assert "milesight-gs301" in profiles


def test_a_town_overrides_a_profile_by_name(tmp_path: Path) -> None:
    text = '[milesight-gs301]\nvendor = "M"\nmodel = "G"\ninterval_s = 60\n'
    profile = load_profiles(write(tmp_path, text), DECODERS)["milesight-gs301"]
    assert (profile.interval_s, profile.decoder) == (60, None)


def test_every_fault_is_told_with_file_and_key(tmp_path: Path) -> None:
    write(tmp_path, 'plain = 1\n[Big]\nvendor = "A"\nmodel = "B"\n', "a.toml")
    write(tmp_path, "[x\n", "b.toml")
    wrong = '[acme-bin]\nvendor = "A"\nmodel = "B"\ndecoder = "nope"\n'
    wrong += '[acme-two]\nvendor = "A"\nmodel = "B"\nwhat = 1\n'
    wrong += 'map.a = { measurement = "smell" }\n'
    wrong += 'map.b = { measurement = "nh3", counter_bits = 16 }\n'
    wrong += 'map.c = { measurement = "nh3", scale = 0 }\n'
    wrong += 'map.d = { measurement = "odour_rise" }\n'
    found = faults(write(tmp_path, wrong, "c.toml"))
    for word in (
        "a.toml: plain: a table is expected",
        "a.toml: Big.name: ",
        "b.toml: syntax: ",
        "c.toml: acme-bin.decoder: no such decoder: 'nope'; one of brighterbins",
        "c.toml: acme-two.what: unknown key",
        "c.toml: acme-two.map.a: no such measurement: 'smell'",
        "c.toml: acme-two.map.b: 'nh3' is no counter",
        "c.toml: acme-two.map.c: finite numbers",
        "c.toml: acme-two.map.d: no such measurement: 'odour_rise'",
    ):
        assert any(word in fault for fault in found), (word, found)


def test_one_name_in_two_files_is_a_fault(tmp_path: Path) -> None:
    write(tmp_path, OWN, "a.toml")
    assert "stands in a.toml, too" in faults(write(tmp_path, OWN, "b.toml"))[0]


def test_the_table_in_the_docs_is_that_of_the_code() -> None:
    text = DOC.read_text("utf-8")
    _, _, rest = text.partition("<!-- profiles -->\n")
    written, _, _ = rest.partition("<!-- /profiles -->")
    assert written == profiles_table(load_profiles(None, DECODERS))


def test_a_profile_names_its_codec_and_the_file_must_be_there(tmp_path: Path) -> None:
    text = '[acme-eye]\nvendor = "A"\nmodel = "E"\ncodec = "eye.js"\n'
    text += 'map.lid = { measurement = "lid_open", words = { open = 1 } }\n'
    (fault,) = faults(write(tmp_path, text))
    assert "own.toml: acme-eye.codec: no such file" in fault
    (tmp_path / "codecs").mkdir()
    (tmp_path / "codecs" / "eye.js").write_text("")
    profile = load_profiles(tmp_path, DECODERS)["acme-eye"]
    assert profile.words == {"lid": (10, {"open": 1.0})}
    both = text.replace("map.lid", 'decoder = "milesight-em400"\nmap.lid')
    assert "one of them reads the bytes" in faults(write(tmp_path, both))[0]
    up = text.replace("eye.js", "../eye.js")
    assert "acme-eye.codec: " in faults(write(tmp_path, up))[0]
