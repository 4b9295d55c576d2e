"""The same town live: paced by a clock, against any MQTT broker."""
