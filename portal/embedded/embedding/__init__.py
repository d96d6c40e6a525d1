"""Embedding: tickets, origins, and the sessions of frames in pages of the product (docs/decisions/0046)."""
