"""Make the secrets of docker-compose.yml: `make secrets`.

Standard library only: it runs before anything is installed. What is there already
stays, so that a second run changes no password.
"""

import base64
import hashlib
import os
import secrets
import sys
from pathlib import Path

HERE = Path(__file__).parent
USERS = {"hub": "mqtt_hub", "devices": "mqtt_devices", "health": "mqtt_health"}
OTHERS = ("influx_password", "influx_token", "grafana_password")
ITERATIONS = 101  # of PBKDF2-SHA512, as mosquitto_passwd takes: the secret is random
ENV = """\
# Read by docker compose. Profiles: simulator (a simulated town), grafana.
COMPOSE_PROFILES=simulator
"""


def passwd_line(user: str, password: str) -> str:
    """A line of mosquitto's password file: $7$ is PBKDF2 with SHA-512."""
    salt = os.urandom(12)
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
    parts = (base64.b64encode(part).decode() for part in (salt, key))
    return f"{user}:$7${ITERATIONS}${'$'.join(parts)}\n"


def made(folder: Path, name: str, text: str) -> str:
    """The secret `name`, as it is or as `text` from now on."""
    path = folder / name
    if not path.exists():
        path.write_text(text, "utf-8")
        # containers run under users of their own; the folder keeps others out
        path.chmod(0o444)
    return path.read_text("utf-8")


def make(folder: Path) -> None:
    """All secrets in `folder`, for this user's eyes only."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    for name in (*USERS.values(), *OTHERS):
        made(folder, name, secrets.token_hex(24))
    said = {user: made(folder, name, "") for user, name in USERS.items()}
    lines = "".join(passwd_line(user, word) for user, word in said.items())
    made(folder, "mosquitto_passwd", lines)
    made(folder, "mosquitto_sub", f"-u health\n-P {said['health']}\n")


def main() -> None:
    """Secrets beside this file, and .env at the top of the repository."""
    make(HERE / "secrets")
    env = HERE.parent.parent / ".env"
    if not env.exists():
        env.write_text(ENV, "utf-8")
    sys.stdout.write(f"secrets are in {HERE / 'secrets'}; now: docker compose up -d\n")


if __name__ == "__main__":
    main()
