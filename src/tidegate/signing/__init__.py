"""Signatures of people, made and verified by OpenSSH."""
