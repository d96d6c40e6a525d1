"""The embedded directory: organizations, members and SCIM data in the application's own database."""
