"""What sensors do not say themselves: emptyings, odour over clean air."""
