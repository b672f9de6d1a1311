"""Published results derived again: by formula, by Monte-Carlo of the model, and through our own exchange."""
