"""From changes of severity to transitions, from transitions to notifications."""
