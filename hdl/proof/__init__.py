"""Proof that a circuit computes its network on all inputs: a certificate, and a checker that trusts neither the
compiler nor the certificate."""
