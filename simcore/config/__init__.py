"""The configuration of a run: typed, versioned, refused when wrong."""

from simcore.config.build import build_config, config_hash, dump_config
from simcore.config.latency_text import parse_latency
from simcore.config.load import Resolved, load_config, resolve_config
from simcore.config.model import Config
from simcore.config.symbols import symbol_config

__all__ = [
    "Config",
    "Resolved",
    "build_config",
    "config_hash",
    "dump_config",
    "load_config",
    "parse_latency",
    "resolve_config",
    "symbol_config",
]
