"""Second factors: authenticator apps, recovery codes, codes by text message, and who needs one."""
