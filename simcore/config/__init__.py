"""The configuration of a run: typed, versioned, refused when wrong."""

from simcore.config.load import build_config, config_hash, dump_config, load_config, parse_latency
from simcore.config.model import Config

__all__ = ["Config", "build_config", "config_hash", "dump_config", "load_config", "parse_latency"]
