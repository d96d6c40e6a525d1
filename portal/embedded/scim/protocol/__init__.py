"""What an identity provider may do over SCIM, as rules on rows: each in its transaction, with its entry in the log."""
