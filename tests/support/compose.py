"""docker-compose.yml without Docker: its commands, over the files that it mounts."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.support.hubs import ROOT

Command = tuple[str, str]  # service, and "command" or "healthcheck"


def read() -> dict[str, Any]:
    """The file, with its anchors resolved."""
    found: dict[str, Any] = YAML(typ="safe").load(ROOT / "docker-compose.yml")
    return found


def commands() -> dict[Command, list[str]]:
    """Every command that stands in it, as the container would get it."""
    found = {}
    for name, service in read()["services"].items():
        if "command" in service:
            found[name, "command"] = service["command"]
        check = service.get("healthcheck", {})
        if "test" in check:
            assert check["test"][0] == "CMD"
            found[name, "healthcheck"] = check["test"][1:]
    return {
        key: [word.replace("$$", "$") for word in words] for key, words in found.items()
    }


class Container:
    """The containers' files under a folder of ours; names and ports changed.

    `changes`: text in files that stands for a place in the containers' network, and
    what it is here; `places`: the same for words of a command. A path that no service
    mounts is left alone, and is not found.
    """

    def __init__(
        self,
        folder: Path,
        secrets: Path,
        changes: dict[str, str],
        places: dict[str, str],
    ) -> None:
        self.root = folder / "root"
        self.ran: set[Command] = set()
        self.closed: tuple[str, ...] = ()  # what commands begin with, see `close`
        self._changes = changes
        self._places = places
        self._mounts = {"/run/secrets"}
        self._texts: dict[Path, str] = {}
        compose = read()
        for service in compose["services"].values():
            for mount in service.get("volumes", []):
                source, target = mount.split(":")[:2]
                file = (ROOT / source).is_file()
                self._mounts.add(os.path.dirname(target) if file else target)
                self._mount(source, self.root / target.lstrip("/"))
        kept = {n: Path(s["file"]).name for n, s in compose["secrets"].items()}
        for name, file in kept.items():
            self._put(self.root / "run/secrets" / name, (secrets / file).read_text())
        for path, text in self._texts.items():
            self._put(path, self.here(text))

    def _mount(self, source: str, target: Path) -> None:
        if not source.startswith("."):
            target.mkdir(parents=True, exist_ok=True)
        elif (ROOT / source).is_file():
            self._texts[target] = (ROOT / source).read_text("utf-8")

    @staticmethod
    def _put(path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def here(self, text: str) -> str:
        """A text with the containers' paths and places as they are here."""
        for target in sorted(self._mounts, key=len, reverse=True):
            text = text.replace(target, f"\0{target}")
        text = text.replace("\0", str(self.root))
        for there, here in self._changes.items():
            text = text.replace(there, here)
        return text

    def words(self, service: str, kind: str) -> list[str]:
        """A command as it runs here; noted as run."""
        self.ran.add((service, kind))
        said = commands()[service, kind]
        words = [said[0]]
        words += [self._places.get(word, self.here(word)) for word in said[1:]]
        module = {"sensorhub": "sensorhub", "firmware-sim": "firmware_sim"}
        if words[0] in module:  # what the image has on its PATH
            words = [sys.executable, "-m", module[words[0]], *words[1:]]
        return [*self.closed, *words]

    def close(self, *writable: str) -> None:
        """From now on: a read-only root but for `writable`, and no capabilities."""
        folders = [self.here(folder) for folder in writable]
        steps = ["mount --make-rprivate /"]
        steps += [f"mount --bind {folder} {folder}" for folder in folders]
        steps += [
            "mount -o remount,bind,ro /",
            "if touch /.writable 2>/dev/null; then exit 1; fi",
        ]
        steps += ['exec setpriv --no-new-privs --bounding-set=-all "$@"']
        self.closed = ("unshare", "--mount", "sh", "-ec", "\n".join(steps), "sh")

    def environment(self, service: str) -> dict[str, str]:
        """The service's, over ours without the hub's settings."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("SENSORHUB_")}
        env |= {"PYTHONPATH": str(ROOT), "PATH": f"{env['PATH']}:/usr/sbin"}
        given = read()["services"][service].get("environment", {})
        return env | {key: self.here(value) for key, value in given.items()}

    def run(self, service: str, kind: str = "command") -> tuple[int, str]:
        """Run one to its end: exit code and what it said."""
        done = subprocess.run(
            self.words(service, kind),
            env=self.environment(service),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def start(self, service: str) -> subprocess.Popen[bytes]:
        """Start one and go on; its log lies beside the root."""
        with (self.root / f"{service}.log").open("ab") as log:
            return subprocess.Popen(
                self.words(service, "command"),
                env=self.environment(service),
                stdout=log,
                stderr=log,
            )


def dockerfile() -> Iterator[tuple[str, str]]:
    """(instruction, rest) of each line of the Dockerfile."""
    for line in (ROOT / "Dockerfile").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            word, _, rest = line.partition(" ")
            yield word, rest
