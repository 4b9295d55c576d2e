"""Taking up devices that nobody has described yet: a profile out of a sample uplink."""
