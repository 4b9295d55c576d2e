"""Speed and size of the hub, against a bare subscriber: `make bench`."""
