"""Invitations: who may be invited, sending, resending and revoking, and jobs that invite many people."""
