"""The organization's members."""
