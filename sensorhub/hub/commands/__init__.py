"""What operators can do: one function an act, each enters it into a ledger."""
