"""What the transaction of a batch writes, and the transaction itself."""
