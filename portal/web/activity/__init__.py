"""What the pages that show entries of the activity log share: an entry in words, and what it changed."""
