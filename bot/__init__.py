"""The front ends: how people reach 오로라, and the only user-facing wording."""
