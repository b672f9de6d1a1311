"""Strategy files of the simulations of `mmsim published`; linked by their path, as a user's are."""
