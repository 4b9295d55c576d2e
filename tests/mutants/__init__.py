"""One-line changes that the tests have to notice: `make mutants`."""
