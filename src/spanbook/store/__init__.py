"""The SQLite file, its journal, filters and readers: the only place with SQL."""
