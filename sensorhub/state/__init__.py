"""What every uplink changes in memory; its checkpoint and its recovery."""
