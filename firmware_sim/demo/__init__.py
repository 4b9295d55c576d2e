"""The demo: a broker, a hub and a small town in accelerated time."""
