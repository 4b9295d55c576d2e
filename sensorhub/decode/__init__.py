"""Wire formats and device profiles: uplink to readings. Pure."""
