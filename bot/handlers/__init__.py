"""What a person does, one file each; nothing here knows a platform."""
