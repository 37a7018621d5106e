"""One module per noun; each is imported when its command is invoked."""
