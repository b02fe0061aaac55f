"""The moderators' page: a small web app in the same process, on loopback unless the owner says otherwise; docs/dashboard.md."""
