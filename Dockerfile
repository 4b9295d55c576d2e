# One image for the hub and the simulator. What is installed is what the tests ran
# with: the same lock file and the same two commands as `make install`.
FROM python:3.12.11-slim-bookworm AS build
WORKDIR /src
RUN ["python", "-m", "venv", "/opt/sensorhub"]
COPY requirements.lock ./
RUN ["/opt/sensorhub/bin/python", "-m", "pip", "install", "--quiet", "--require-hashes", "--requirement", "requirements.lock"]
COPY pyproject.toml README.md LICENSE ./
COPY sensorhub sensorhub
COPY firmware_sim firmware_sim
RUN ["/opt/sensorhub/bin/python", "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "."]

FROM python:3.12.11-slim-bookworm
COPY --from=build /opt/sensorhub /opt/sensorhub
# folders that volumes take their owner from
RUN ["install", "-d", "-m", "0700", "-o", "10001", "-g", "10001", "/etc/sensorhub", "/var/lib/sensorhub", "/var/lib/town"]
ENV PATH=/opt/sensorhub/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 USER=sensorhub
USER 10001:10001
WORKDIR /var/lib/sensorhub
CMD ["sensorhub", "run", "--config", "/etc/sensorhub", "--data", "/var/lib/sensorhub"]
