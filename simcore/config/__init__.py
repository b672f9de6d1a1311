"""The configuration of a run: typed, versioned, refused when wrong. `instruments` holds the catalogue."""

from simcore.config.load import build_config, config_hash, dump_config, load_config, parse_latency
from simcore.config.model import Config, config_reference

__all__ = ["Config", "build_config", "config_hash", "config_reference", "dump_config", "load_config", "parse_latency"]
