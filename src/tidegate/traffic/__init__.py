"""What shares the traffic between pools, or switches a feature on for a share of the users."""
