"""The radio link and the network: losses, duplicates and delays of messages."""
