"""Law 2 for linked symbols: their Nodes alone, in lockstep, send what their journals say they sent."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from simcore import engine, manifest
from simcore.journal.store import read_stream
from simcore.parity import NODE_STREAMS, Parity, compare_streams, node_session, node_streams, run_node
from simcore.portfolio.folder import parts
from simcore.portfolio.group import Group, Player
from simcore.portfolio.members import linked_groups, members_of


def check_parity(run_dir: Path) -> dict[str, Parity]:
    """Prove law 2 for each symbol of a finished portfolio run, by key. Raises MmsimError if it cannot be replayed."""
    own = {part.key: part.folder for part in parts(run_dir)}
    members = members_of([engine.load_tapes(folder) for folder in own.values()], manifest.config_of(run_dir))
    found: dict[str, Parity] = {}
    for group in linked_groups(members):
        journals = {one.key: {stream: read_stream(own[one.key], stream) for stream in NODE_STREAMS} for one in group}
        sessions = {one.key: node_session(one.tape, [one.config], journals[one.key]["reports"]) for one in group}
        players = [Player(one, sessions[one.key], partial(run_node, sessions[one.key])) for one in group]
        Group(players).run_out()
        found |= {key: compare_streams(journals[key], node_streams(session)) for key, session in sessions.items()}
    return found
