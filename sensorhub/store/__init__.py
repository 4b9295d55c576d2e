"""The database: the only package with SQL.

Connections and their errors have the names of PEP 249, whatever module makes them.
This file imports nothing else: a command must not load what it does not use.
"""

from sqlite3 import Connection, DatabaseError, IntegrityError, OperationalError

__all__ = ["Connection", "DatabaseError", "IntegrityError", "OperationalError"]
