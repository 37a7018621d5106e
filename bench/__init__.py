"""How fast Tidegate is, beside something that anybody can run. Nothing here judges a build."""
