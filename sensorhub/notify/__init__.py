"""Telling: what stands in the outbox goes to MQTT and to subscribers."""
