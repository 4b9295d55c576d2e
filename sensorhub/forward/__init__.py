"""The way to InfluxDB: journal cursor to line protocol, and back by InfluxQL."""
