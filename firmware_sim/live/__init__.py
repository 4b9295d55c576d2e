"""A scenario's town in real time, against any MQTT broker."""
