"""The bit-exact world: numbers and records in and out; no strings, files, clocks or global state."""
