"""What a simulated town writes: messages, ground truth, labels."""
