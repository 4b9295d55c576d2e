"""Every command of docker-compose.yml, run for real over the files that it mounts."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.support.brokers import free_port, need_mosquitto, until
from tests.support.compose import Container, commands, dockerfile
from tests.support.hubs import ROOT
from tests.support.influx import Influxd

pytestmark = pytest.mark.mosquitto
NOBODY_S = 60


@contextmanager
def answering(status: int) -> Iterator[int]:
    """A server that answers everything with `status`; its port."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_rest: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield server.server_port
        server.shutdown()
        serving.join()


def secrets(folder: Path, broker: int) -> Path:
    """As `make secrets` makes them; mosquitto_sub is told our port, too."""
    program = [sys.executable, str(ROOT / "config" / "deploy" / "make_secrets.py")]
    shutil.copytree(
        ROOT / "config" / "deploy",
        folder / "config" / "deploy",
        ignore=lambda *_: ["secrets"],
    )
    program[1] = str(folder / "config" / "deploy" / "make_secrets.py")
    subprocess.run(program, check=True, capture_output=True)
    assert "COMPOSE_PROFILES=simulator" in (folder / ".env").read_text()
    made = folder / "config" / "deploy" / "secrets"
    options = made / "mosquitto_sub"
    options.chmod(0o644)
    options.write_text(f"{options.read_text()}-p {broker}\n")
    return made


def need(program: str) -> None:
    """Skips the test without a program that the images have; fails in CI."""
    if shutil.which(program) is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{program} is not installed, but CI needs it")
        pytest.skip(f"{program} is not installed")


def town(folder: Path, influx: str) -> Container:
    """The files of the containers, with places of this machine."""
    need_mosquitto()
    need("mosquitto_sub")
    port = free_port()
    root = "\nuser root" if os.geteuid() == 0 else ""
    changes = {
        "listener 1883": f"listener {port} 127.0.0.1{root}",
        'host = "mosquitto"': 'host = "127.0.0.1"',
        "port = 1883": f"port = {port}",
        "http://influxdb:8086": influx,
    }
    places = {"mosquitto": "127.0.0.1", "1883": str(port)}
    return Container(folder, secrets(folder, port), changes, places)


def well(here: Container, service: str) -> None:
    """Wait until a service's own health check is content."""

    def look() -> bool:
        code, _ = here.run(service, "healthcheck")
        return code == 0

    until(look, f"{service} is healthy", NOBODY_S)


def test_the_town_of_the_file_runs(tmp_path: Path) -> None:
    here = town(tmp_path, "http://127.0.0.1:9")
    with ExitStack() as stack:
        broker = here.start("mosquitto")
        stack.callback(end, broker)
        well(here, "mosquitto")
        assert here.run("sensorhub", "healthcheck")[0] == 1
        hub = here.start("sensorhub")
        stack.callback(end, hub)
        well(here, "sensorhub")
        assert here.run("simulator-fleet") == (0, "")
        for _ in range(2):  # each `up` runs it again
            code, said = here.run("simulator-register")
            assert code == 0, said
        devices = here.start("simulator")
        stack.callback(end, devices)
        until(lambda: stored(here) > 0, "the simulated devices are heard", 120)
        for process in (devices, hub, broker):
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        code, said = here.run("sensorhub", "healthcheck")
        assert (code, said) == (1, "error: no hub runs on this data folder\n")
        assert here.run("mosquitto", "healthcheck")[0] != 0
        over_http = {("influxdb", "healthcheck"), ("grafana", "healthcheck")}
        assert here.ran | over_http == set(commands())


def end(process: subprocess.Popen[bytes]) -> None:
    """Whatever became of the test."""
    process.kill()
    process.wait(30)


def may_close_in() -> bool:
    """Whether this user and machine can make a root read-only for one process."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        return False
    words = ["unshare", "--mount", "mount", "-o", "remount,bind,ro", "/"]
    return subprocess.run(words, capture_output=True).returncode == 0


@pytest.mark.skipif(not may_close_in(), reason="needs root and mount namespaces")
def test_the_hub_needs_no_more_than_its_data_folder(tmp_path: Path) -> None:
    here = town(tmp_path, "http://127.0.0.1:9")
    with ExitStack() as stack:
        broker = here.start("mosquitto")
        stack.callback(end, broker)
        here.close("/var/lib/sensorhub")
        hub = here.start("sensorhub")
        stack.callback(end, hub)
        well(here, "sensorhub")
        hub.send_signal(signal.SIGTERM)
        assert hub.wait(60) == 0


def stored(here: Container) -> int:
    """How many uplinks the hub has stored."""
    words = [sys.executable, "-m", "sensorhub", "status", "--json"]
    for option, path in (
        ("--config", "/etc/sensorhub"),
        ("--data", "/var/lib/sensorhub"),
    ):
        words += [option, here.here(path)]
    env = here.environment("sensorhub")
    done = subprocess.run(words, env=env, capture_output=True, check=True)
    return int(json.loads(done.stdout)["uplinks_stored"])


@pytest.mark.parametrize("service", ["influxdb", "grafana"])
@pytest.mark.parametrize(("status", "sound"), [(200, True), (503, False)])
def test_a_health_check_over_http_believes_the_answer(
    service: str, status: int, sound: bool
) -> None:
    need("curl")
    words = commands()[service, "healthcheck"]
    with answering(status) as port:
        here = [re.sub(r"(?<=127.0.0.1:)\d+", str(port), word) for word in words]
        assert (subprocess.run(here, capture_output=True).returncode == 0) is sound


def test_a_real_influxdb_is_healthy_and_answers_the_dashboard(tmp_path: Path) -> None:
    need("curl")
    words = commands()["influxdb", "healthcheck"]
    text = (ROOT / "config/deploy/grafana/dashboards/sensorhub.json").read_text()
    with Influxd(tmp_path) as influx:
        here = [word.replace(":8086", f":{influx.port}") for word in words]
        assert subprocess.run(here, capture_output=True).returncode == 0
        fields = "fill_level=80.0,nh3=1.0,odour_rise=0.5,battery=90.0,delay_ms=5i"
        influx.write(
            f"readings,asset=a1,device=d1,zone=east {fields} 1795000000000\n"
            "transitions,asset=a1,rule=r1,to=firing,zone=east"
            ' id="1",severity="urgent",category="collect",value=9.0 1795000000000\n'
            "services,asset=a1,kind=emptied,zone=east"
            ' id=7i,by="sensor" 1795000000000\n'
        )
        for panel in json.loads(text)["panels"]:
            query = panel["targets"][0]["query"].replace("$__interval", "1h")
            query = query.replace(
                "$timeFilter", "time > 1794900000000ms and time < 1795100000000ms"
            )
            query = query.replace("$zone", "(east|west)")
            assert influx.rows(query), panel["title"]
        variable = json.loads(text)["templating"]["list"][0]["query"]["query"]
        assert [row["value"] for row in influx.rows(variable)] == ["east"]


def test_the_image_holds_all_that_the_commands_need(tmp_path: Path) -> None:
    """The build stage of the Dockerfile, over what it copies and nothing else."""
    context, target = tmp_path / "context", tmp_path / "installed"
    context.mkdir()
    for word, rest in dockerfile():
        if word == "COPY" and not rest.startswith("--from"):
            for source in rest.split()[:-1]:
                whole = ROOT / source
                copy = shutil.copytree if whole.is_dir() else shutil.copy
                copy(whole, context / source)
    runs = [json.loads(rest) for word, rest in dockerfile() if word == "RUN"]
    words = next(run for run in runs if run[-1] == ".")
    words = [sys.executable, *words[1:], "--target", str(target)]
    done = subprocess.run(words, cwd=context, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    limits = [sys.executable, "-m", "sensorhub", "standards", "list", "--json"]
    config = ["--config", str(ROOT / "config")]
    said = subprocess.run(
        [*limits, *config],
        cwd=tmp_path,
        env={"PYTHONPATH": str(target)},
        capture_output=True,
        check=True,
    )
    assert len(json.loads(said.stdout)) > 30
