"""The JSON API that Stytch's SDKs call: for a product's backend below /v1/b2b/, for its pages below /sdk/v1/."""
