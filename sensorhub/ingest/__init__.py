"""Messages to columns, columns to one change set."""
