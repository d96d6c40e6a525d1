"""A drill of a whole installation: what is killed, failed over and restarted, and whether anything is lost."""
