"""The edge room that runs JavaScript payload codecs in a process of their own."""
