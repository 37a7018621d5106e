"""What can deploy to a platform: the contract, the drivers that keep it, and the registry that names them."""
