"""The version of mmsim, in one place."""

VERSION = "0.1.0"
