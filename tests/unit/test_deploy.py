"""docker-compose.yml, Dockerfile and what they mount: sound, closed, pinned."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sensorhub.cli.main import app
from sensorhub.cli.output import BAD_CONFIG, TAKEN_OVER
from sensorhub.model import BY_NAME
from tests.support.compose import commands, dockerfile, read
from tests.support.hubs import ROOT

SERVICES = read()["services"]
DASHBOARD = json.loads(
    (ROOT / "config/deploy/grafana/dashboards/sensorhub.json").read_text()
)
PINNED = re.compile(r"[a-z/-]+:\d+\.\d+(\.\d+)[a-z0-9.-]*")


def maker() -> ModuleType:
    path = ROOT / "config" / "deploy" / "make_secrets.py"
    spec = importlib.util.spec_from_file_location("make_secrets", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_is_valid_against_the_compose_schema() -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "check_jsonschema"),
            *("--builtin-schema", "vendor.compose-spec"),
            str(ROOT / "docker-compose.yml"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES.keys())
def test_a_service_is_closed_in(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service["user"].startswith(("0", "root"))
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    for mount in service.get("volumes", []):
        assert not mount.startswith(".") or mount.endswith(":ro")


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES.keys())
def test_an_image_is_pinned_or_ours(service: dict[str, Any]) -> None:
    image = service["image"]
    ours = image == "sensorhub:local"
    assert ours or PINNED.fullmatch(image)
    # nobody asks a registry for an image that is made here
    assert ours == ("build" in service or service.get("pull_policy") == "never")


def test_no_password_stands_in_any_tracked_file() -> None:
    for service in SERVICES.values():
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD|TOKEN|SECRET", key):
                assert value.startswith("/run/secrets/"), key
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {"/config/deploy/secrets/", "/.env"} <= set(ignored)
    for secret in read()["secrets"].values():
        assert secret["file"].startswith("./config/deploy/secrets/")


def test_every_secret_that_a_service_takes_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    maker().make(folder)
    kept = read()["secrets"]
    for service in SERVICES.values():
        for name in service.get("secrets", []):
            assert (folder / Path(kept[name]["file"]).name).read_text()
    assert folder.stat().st_mode & 0o777 == 0o700
    words = [
        p.read_text() for p in folder.iterdir() if p.name not in ("mosquitto_passwd",)
    ]
    assert len(set(words)) == len(words)


def test_made_again_no_secret_changes(tmp_path: Path) -> None:
    maker().make(tmp_path)
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    maker().make(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before


def test_what_is_mounted_and_copied_is_there() -> None:
    sources = [m.split(":")[0] for s in SERVICES.values() for m in s.get("volumes", [])]
    assert [s for s in sources if s[0] == "." and not (ROOT / s).exists()] == []
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for word, rest in dockerfile():
        if word == "COPY" and not rest.startswith("--from"):
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists()
                assert f"!{source}" in ignored


def test_the_image_is_pinned_and_no_roots() -> None:
    lines = list(dockerfile())
    assert all(PINNED.match(rest) for word, rest in lines if word == "FROM")
    assert [rest for word, rest in lines if word == "USER"] == ["10001:10001"]
    assert SERVICES["sensorhub"]["user"] == "10001:10001"
    command = json.loads(next(rest for word, rest in lines if word == "CMD"))
    assert command == commands()["sensorhub", "command"]


def test_the_image_is_made_as_make_install_does() -> None:
    """What CI runs by `make install`, but for the folder and an editable install."""
    made = [json.loads(rest)[1:] for word, rest in dockerfile() if word == "RUN"]
    recipe = (ROOT / "Makefile").read_text("utf-8")
    pips = [words for words in made if words[:3] == ["-m", "pip", "install"]]
    assert len(pips) == 2
    for words in pips:
        line = " ".join(words).removesuffix(" .")
        assert f"$(BIN)/python {line}" in recipe


def test_the_dashboard_asks_for_what_is_written() -> None:
    beside = {"delay_ms", "severity", "category", "value", "id"}
    tags = {"zone", "asset", "device", "rule", "to", "kind"}
    sources = {"readings", "transitions", "services"}
    assert len(DASHBOARD["panels"]) > 3
    for panel in DASHBOARD["panels"]:
        (target,) = panel["targets"]
        names = set(re.findall(r'"(\w+)"', target["query"]))
        assert names <= BY_NAME.keys() | beside | tags | sources, panel["title"]
        assert target["datasource"]["uid"] == "sensorhub"


UNITS = sorted((ROOT / "config" / "deploy" / "systemd").glob("*"))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_the_units_are_sound(tmp_path: Path) -> None:
    """Over programs of this machine: verify wants them to be there."""
    for unit in UNITS:
        text = unit.read_text("utf-8")
        text = text.replace("/opt/sensorhub/.venv/bin/sensorhub", "/bin/true")
        (tmp_path / unit.name).write_text(text, "utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", *(str(tmp_path / u.name) for u in UNITS)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_hubs_unit_runs_the_hub_and_knows_its_exit_codes() -> None:
    lines = (
        (ROOT / "config/deploy/systemd/sensorhub-hub.service").read_text().splitlines()
    )
    said = dict(line.split("=", 1) for line in lines if "=" in line and line[0] != "#")
    program, command, *options = said["ExecStart"].split()
    assert program.endswith("/bin/sensorhub")
    assert options == ["--config", "/etc/sensorhub", "--data", "/var/lib/sensorhub"]
    assert any(one.name == command for one in app.registered_commands)
    codes = {int(code) for code in said["RestartPreventExitStatus"].split()}
    assert codes == {2, BAD_CONFIG, TAKEN_OVER}
