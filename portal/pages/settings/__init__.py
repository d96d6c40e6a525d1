"""The organization's settings: one module per tab."""
