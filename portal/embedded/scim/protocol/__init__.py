"""What an identity provider can do over SCIM, as rules on rows: each in its transaction, with its entry in the log."""
