"""Onboarding of devices without a profile: a draft profile from a sample uplink."""
