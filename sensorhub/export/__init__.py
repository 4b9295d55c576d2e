"""Readings or rollups of any selection as a stream of tables, and files of them."""
