"""Second factors: authenticator apps, recovery codes, and who needs one."""
