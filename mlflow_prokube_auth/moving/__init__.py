"""What another plugin's users, groups and permissions become here."""
