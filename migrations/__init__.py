"""Change the tables of an existing database, one numbered step at a time."""
