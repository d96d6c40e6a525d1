"""The organization's activity log."""
