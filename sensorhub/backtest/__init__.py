"""The hub over past data, in virtual time: the same code, the clock turned by hand."""
