"""Delivery of the outbox to MQTT and to subscribers."""
