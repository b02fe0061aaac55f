"""The commands of `main.py` and the lifetimes they open; nothing else imports this package."""
