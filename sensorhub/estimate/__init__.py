"""What sensors do not say themselves: emptyings, odour over the baseline."""
