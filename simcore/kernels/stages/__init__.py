"""The stages of a market maker: one pure function a file."""
