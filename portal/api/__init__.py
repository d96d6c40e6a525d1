"""The JSON API for Stytch's SDKs: backends use /v1/b2b/, pages in browsers use /sdk/v1/."""
