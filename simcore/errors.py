"""One exception tree; every user error has a code, a one-line cause and a remedy.

    MmsimError
    ├── TapeError       TAPE-nnn   a tape file or its rows
    ├── ConvertError    CONV-nnn   a source that cannot become a tape
    ├── ConfigError     CONF-nnn   a config file, key or value
    ├── StrategyError   STRAT-nnn  a strategy or queue-model file
    ├── EngineError     ENG-nnn    a run that had to stop
    ├── JournalError    JRNL-nnn   a run folder, checkpoint or journal
    ├── PortfolioError  PORT-nnn   a run of several symbols
    ├── OutputError     OUT-nnn    a result that cannot be printed, or a system without a way to make one
    ├── ReportError     REP-nnn    a report that cannot be built
    ├── GateError       GATE-nnn   what a gate cannot compare
    ├── BenchError      BENCH-nnn  a benchmark that cannot be measured
    ├── AbError         AB-nnn     an A/B test
    └── CalibrateError  CAL-nnn    a calibration, or what is worked out from many runs

`CODES` is the one table of codes: code -> (title, remedy). `raise TapeError("TAPE-003", cause)`.
"""

from __future__ import annotations

CODES: dict[str, tuple[str, str]] = {
    "TAPE-001": ("tape not found", "check the path; `mmsim tape convert` makes a tape from a capture, `mmsim tape samples` copies those that come with mmsim into datasets/"),
    "TAPE-002": ("not a tape", "convert the source first: `mmsim tape convert SOURCE --format …`"),
    "TAPE-003": ("unsupported tape version", "convert the source again with this version of mmsim"),
    "TAPE-004": ("tape file is truncated or corrupt", "copy or convert it again; the content hash does not match or Parquet cannot be read"),
    "TAPE-005": ("column missing or of another type", "convert the source again; do not edit tapes by hand"),
    "TAPE-006": ("tape is empty", "check the source and the time range"),
    "TAPE-007": ("rows out of time order", "`mmsim tape validate` lists them; convert again with a clock policy"),
    "TAPE-008": ("tapes of one symbol do not belong together", "give tapes of one level, with the same sizes and fees, in time order"),
    "TAPE-009": ("bad value in a row", "`mmsim tape validate` lists the rows"),
    "TAPE-010": ("tapes overlap or are out of order", "give the tapes in time order, without overlap"),
    "TAPE-011": ("cannot write the tape", "check the folder, its permissions and the free space"),
    "TAPE-012": ("tape metadata are damaged", "take the tape from a backup, or convert the source again; do not edit tapes by hand"),
    "TAPE-015": ("tape's metadata refused", "convert the source again: the field that is named was changed, or the file badly made"),
    "TAPE-016": ("tape's metadata and rows contradict each other", "the file was changed or badly made: convert the source again"),
    "TAPE-017": ("tape's row groups are too large", "a row group is held in memory as a whole: write the file with groups of some 262,144 rows"),
    "CONV-001": ("source not found", "check the path"),
    "CONV-002": ("source is empty or holds no market data", "check the file and the --format"),
    "CONV-003": ("line or record cannot be parsed", "get that part of the file again, or cut the line out; check that --format is the source's. A truncated last line is counted, not refused"),
    "CONV-004": ("value is not finite, is negative, or off the tick or lot grid", "give --tick-size/--lot-size, or check the source"),
    "CONV-005": ("instrument metadata cannot be determined", "give --symbol, --tick-size, --lot-size, --kind, --contract-size"),
    "CONV-006": ("several instruments in one source", "choose one with --symbol, one market with --venue"),
    "CONV-007": ("local clock is behind the exchange clock", "choose --clock shift, or --clock keep to accept it"),
    "CONV-008": ("unknown format", "see `mmsim tape convert --help`"),
    "CONV-009": ("cannot write the output", "check the folder, its permissions and the free space"),
    "CONV-010": ("the source contradicts itself about its market", "check --venue and --kind against the two pieces of evidence that are named, or split the recording by market"),
    "CONV-011": ("files are not in time order", "give the files in time order, without overlap; recordings of the same hours are merged by local time first"),
    "CONV-012": ("update ids and exchange times contradict each other", "check the recording at the line that is named, or convert the parts before and after it on their own"),
    "CONV-015": ("a day of this folder is there already and differs", "choose another folder, or give --replace to put the new day in its place"),
    "CONV-016": ("a file is there already and differs", "choose another --out, or give --replace to put the new file in its place"),
    "CONV-017": ("the days of this folder have other sizes or fees", "give --tick-size, --lot-size and the like as its days have them, or choose another folder"),
    "CONV-019": ("an extra is not installed", "install the package that is named, into the environment of mmsim"),
    "CONV-020": ("files of one source contradict each other", "convert only files that belong together: look at the row that is named"),
    "CONV-021": ("rows are not in time order", "get the file again as its maker wrote it, in its order; the first row that is early is named"),
    "CONV-025": ("source unpacks to more than allowed", "unpack it and look at what is in it; if it is right, raise the limit: --option unpack-max-gb=N"),
    "CONV-026": ("line of the source is longer than allowed", "check the file and the --format: a line is one message"),
    "CONF-001": ("config file not found or unreadable", "check the path and its permissions"),
    "CONF-002": ("unknown config key", "use the nearest key, which is named, or look it up: `mmsim config show` lists all keys; `mmsim strategy show NAME` lists a strategy's parameters"),
    "CONF-003": ("config value refused", "see the key's description in docs/config.md"),
    "CONF-004": ("config file is not valid YAML", "correct the line that is named: spaces (no tabs) before keys, a space after each colon"),
    "CONF-005": ("bad --set", "write --set key=value"),
    "CONF-006": ("configuration of a newer version", "use the mmsim that wrote it, or a newer one"),
    "CONF-007": ("bad environment variable", "write MMSIM__SECTION__KEY=value; the value is YAML"),
    "CONF-008": ("unknown venue profile", "`mmsim venue list` lists them"),
    "CONF-009": ("venue profile is not usable", "install mmsim again; a profile of your own needs value, source and date for each key"),
    "CONF-010": ("cannot write the configuration", "check the folder, its permissions and the free space"),
    "CONF-011": ("more events than can be played", "set the interval that is named or a longer one, or play less with run.from and run.to"),
    "CONF-012": ("run is too long", "play parts of it with run.from and run.to, or fewer repetitions"),
    "CONF-014": ("argument refused", "see docs/python.md and the function's docstring"),
    "CONF-015": ("path cannot be used", "write an absolute path, or one without `~`"),
    "CONF-016": ("text is beyond the limits of a configuration", "docs/config.md lists the limits: size, depth, repetition by aliases, digits"),
    "STRAT-001": ("strategy not found", "name one of strategies/, or give a .py file"),
    "STRAT-002": ("strategy file is not usable", "see docs/strategies.md: the file has STAGES, a mapping of names to kernels, or a class Strategy in plain Python; `mmsim strategy new NAME` writes either (--python)"),
    "STRAT-003": ("strategy does not compile", "correct the line that is named; kernels take what docs/strategies.md lists, and NUMBA_DISABLE_JIT=1 runs them as plain Python"),
    "STRAT-004": ("strategy failed while running", "run it again with --checked, or NUMBA_DISABLE_JIT=1 and --to just after the time that is named, for the line that failed"),
    "STRAT-005": ("strategy file cannot be written", "choose another name, or --out another folder; nothing is overwritten"),
    "STRAT-006": ("not a name for a strategy", "use small letters, digits and _: my_maker"),
    "STRAT-009": ("a name in the strategy is not defined", "correct the name in the line that is named; nothing was compiled, and nothing was run"),
    "ENG-003": ("money overflows 64 bits", "check the instrument's tick, lot and contract size"),
    "ENG-004": ("compiled code cannot be kept", "set MMSIM_CACHE_DIR to a folder with free space that may be written"),
    "ENG-005": ("the engine's source files changed while it was running", "run the command again"),
    "ENG-006": ("a table of the engine would grow beyond its limit", "check the tape with `mmsim tape validate`; play less of it or fewer lanes at a time, or give the process more memory"),
    "ENG-007": ("too many lanes for the memory", "play them in several passes; fewer venue.max_open_orders make a lane smaller, a longer interval its curve, fewer book.window_ticks the books"),
    "ENG-008": ("memory ran out", "play less at a time, give fewer --jobs or lanes, or give the process more memory"),
    "ENG-009": ("the engine cannot go on", "a fault of mmsim: please report it with this message"),
    "ENG-010": ("the command did not end when asked, and was ended", "look for a loop without an end in the strategy; what was written is whole, and --resume goes on from it"),
    "JRNL-001": ("run folder not found or not a run", "give a folder that `mmsim replay` wrote"),
    "JRNL-002": ("run folder already holds a run", "choose another --out, or --resume"),
    "JRNL-003": ("run cannot be resumed", "tape, config or code changed since; start a new run"),
    "JRNL-004": ("digest differs", "the run folder, the tape or the code changed since the run; `mmsim verify RUN --tape FILE` says where the tape of the run is now"),
    "JRNL-005": ("cannot write the run folder", "check the folder, its permissions and the free space"),
    "JRNL-006": ("run followed another symbol's", "verify the folder of the whole portfolio"),
    "JRNL-007": ("run folder is damaged", "the file is not the one that the run wrote: take the folder from a backup, or run again into another --out"),
    "JRNL-008": ("checkpoint is damaged", "the run cannot go on from it: start a new run in another --out"),
    "JRNL-009": ("report or feed is damaged", "`mmsim report RUN` and `mmsim feeds RUN` write them again"),
    "PORT-001": ("the run of a symbol broke off", "a fault of mmsim: please report it with the traceback; the folders hold what was done until then"),
    "PORT-002": ("a worker process died", "perhaps memory ran out: give fewer --jobs; the folders hold what was done until then"),
    "PORT-003": ("symbols that act on each other cannot be resumed", "start a new run; without allocation, limits and links each symbol resumes"),
    "PORT-004": ("a limit over several currencies", "portfolio.max_gross adds up values: give symbols of one quote currency"),
    "BENCH-001": ("the peer cannot be measured", "set MMSIM_PEER_PYTHON to an interpreter that has it (docs/peers.md), or leave out --peer"),
    "BENCH-002": ("a measuring process failed", "run the command that is named by itself; mend what its last lines say"),
    "OUT-001": ("cannot print the result", "send it to a place with free space; what was written to files is complete"),
    "OUT-002": ("a file or folder is refused by the system", "check the path, its permissions, and the free space"),
    "OUT-003": ("memory ran out", "give less at a time: a shorter tape or capture, fewer lanes, trials or --jobs"),
    "OUT-004": ("text or nesting beyond what can be handled", "check the input that is named"),
    "OUT-005": ("mmsim needs Linux or macOS", "on Windows run it in WSL, the Windows Subsystem for Linux, or in a Linux container"),
    "REP-001": ("report cannot be built", "the run is incomplete: `mmsim replay --resume`"),
    "REP-002": ("not in the run", "ask for what is named as there; `mmsim explain RUN --orders` lists orders, summary.json has the time range"),
    "REP-003": ("cannot be explained", "ask for another moment or order, or for the leader's folder beside it; the journal itself is in the run folder"),
    "GATE-001": ("gate input not usable", "give a run folder, or a file that `mmsim gate … --write-baseline` or `mmsim report` wrote"),
    "GATE-002": ("baseline and run are not comparable", "write a new baseline with `mmsim gate … --write-baseline`"),
    "AB-001": ("A and B cannot be compared", "give both the same run.from, run.to and node.sample_interval_ms, and let symbols run by themselves"),
    "AB-002": ("a tape is there twice, or tapes overlap", "give each part of a symbol's day once"),
    "AB-003": ("setting of the test refused", "see the table of settings in docs/ab.md"),
    "AB-004": ("nothing to compare", "give tapes that reach into run.from … run.to"),
    "CAL-001": ("interval cannot be estimated", "give at least 2 finite changes, a block no longer than they are, and a level between 0 and 1"),
    "CAL-002": ("one symbol is played at a time", "give tapes of one symbol, and leave out allocation, limits and lists of `portfolio`"),
    "CAL-003": ("sweep cannot be played as asked", "see docs/sweeps.md: give each point once; fee tiers come from a venue profile that has them, or from fees.tiers"),
    "CAL-004": ("output folder is in use", "choose a new or empty --out"),
    "CAL-005": ("queue band cannot be played as asked", "write --band-models OPTIMISTIC,PESSIMISTIC with built-in queue models: front,risk_averse; power3:0.5,power:3"),
    "CAL-006": ("no calibration feeds found", "give run folders or files that `mmsim feeds` wrote: fills-VENUE-SYMBOL-YYYY-MM-DD.parquet and ticks-…"),
    "CAL-007": ("feed file is not usable", "write the feeds again: `mmsim feeds RUN`"),
    "CAL-008": ("data set cannot be built as asked", "give --from before --to, and an interval that divides a day"),
    "CAL-009": ("no interval is left for the data set", "trace more ticks (node.trace_every), or loosen the limit that dropped most: what each dropped is counted"),
    "CAL-010": ("grid file is not usable", "see docs/calibrate.md: keys with lists or ranges of values, `spread.base_bps: [0.5, 1.0]`"),
    "CAL-011": ("unknown key in the grid", "use the key that is named; `mmsim strategy show NAME` lists a strategy's parameters, docs/config.md the keys"),
    "CAL-012": ("key cannot be calibrated", "take it out of the grid, and set it for all trials with --set or --config"),
    "CAL-013": ("a parameter set is refused", "leave the values that are named out of the grid"),
    "CAL-014": ("objective or constraint is not usable", "write --objective net_bps, --subject-to 'taker_share<=0.09'; docs/calibrate.md lists the names"),
    "CAL-015": ("splits are not usable", "write --splits walk-forward:train=3,test=1,purge=0, and give at least so many days"),
    "CAL-016": ("no parameter set satisfies what was asked", "the nearest are shown: loosen a constraint or widen the grid; all trials are in the folder"),
    "CAL-017": ("days do not belong together", "give different days of one instrument, each once"),
    "CAL-018": ("a day has no data", "leave the day out, or change run.from and run.to"),
    "CAL-019": ("folder does not fit the calibration", "choose another --out, or give --resume if it holds this calibration"),
    "CAL-020": ("calibration cannot be resumed", "start a new one in another --out, or put back what is named as changed"),
    "CAL-021": ("cannot write the calibration", "check the folder, its permissions and the free space; then go on with --resume"),
    "CAL-022": ("a worker process died twice over the same trials", "perhaps memory ran out: give fewer --jobs, then go on with --resume"),
    "CAL-023": ("a package that this needs is not installed", "install it as the message says, into the environment of mmsim"),
    "CAL-024": ("too many parameter sets", "give fewer values, or --search random --trials N"),
    "CAL-025": ("every trial failed", "mend what the first failure says; `mmsim replay` with those values shows it alone"),
    "CAL-030": ("not a tape of single orders", "give an L3 tape: `mmsim tape convert --format mbo`, lobster or bitstamp"),
    "CAL-031": ("too little to compare queue models on", "take a longer tape, fewer --blocks, or another --split"),
    "CAL-032": ("unknown queue model", "docs/fidelity.md names those that can be compared and those that can be fitted"),
    "CAL-033": ("recorded orders are not usable", "correct the row and column that are named, or the path; docs/fidelity.md describes the file"),
    "CAL-034": ("recorded orders do not belong to the tape", "check symbol, clock and time range of both; --tolerance-ms allows for clocks that differ"),
    "CAL-035": ("recorded times are not usable", "correct the row and column that are named, or the path; docs/latency.md describes the file"),
    "CAL-036": ("recorded orders do not tell the queue model", "check that buys and sells are not swapped, record more orders, and those that never filled, too; or choose a built-in model with --queue-model"),
    "CAL-037": ("blocks that cannot be", "--split is a share between 0 and 1, --blocks a number from 1 to 100: docs/fidelity.md says what they cut"),
    "CAL-080": ("Sharpe ratio cannot be judged", "give at least 2 finite changes, a trial or more, and a level from 0.5 to below 1"),
    "CAL-081": ("over-fitting cannot be cross-validated", "give finite changes of at least 2 trials, and an even number of blocks that they can be cut into"),
    "CAL-082": ("trials cannot be compared", "give at least one trial beside the base configuration, and one score and one value of each parameter a trial"),
    "CAL-083": ("calibration cannot be judged", "finish it: `mmsim calibrate … --resume` with the arguments it was started with"),
}


def codes_page() -> str:
    """Return docs/errors.md: the table of codes. `python -m simcore.errors > docs/errors.md` writes it."""
    lines = [
        "# Error codes",
        "",
        "Made from `simcore/errors.py` (`python -m simcore.errors > docs/errors.md`). The command prints",
        "`error CODE: title: cause` and `remedy: …` on stderr and exits with 2; `mmsim errors CODE` shows a line of this table.",
        "In Python each is an `MmsimError` with `code`, `title`, `cause` and `remedy`.",
        "",
        "| code | what | what to do |",
        "|---|---|---|",
    ]
    return "\n".join([*lines, *(f"| {code} | {title} | {remedy} |" for code, (title, remedy) in CODES.items()), ""])


class MmsimError(Exception):
    """A user error: a code of `CODES`, and a cause that says where, what was found, what was expected."""

    def __init__(self, code: str, cause: str) -> None:
        self.code = code
        self.title, self.remedy = CODES[code]
        self.cause = cause
        super().__init__(f"{code} {self.title}: {cause}")


class TapeError(MmsimError):
    """A tape file or its rows."""


class ConvertError(MmsimError):
    """A source that cannot become a tape."""


class ConfigError(MmsimError):
    """A config file, key or value."""


class StrategyError(MmsimError):
    """A strategy or queue-model file."""


class EngineError(MmsimError):
    """A run that had to stop."""


class JournalError(MmsimError):
    """A run folder, checkpoint or journal."""


class PortfolioError(MmsimError):
    """A run of several symbols."""


class OutputError(MmsimError):
    """A result that cannot be printed, or a system without a way to make one."""


class ReportError(MmsimError):
    """A report that cannot be built."""


class GateError(MmsimError):
    """What a gate cannot compare."""


class BenchError(MmsimError):
    """A benchmark that cannot be measured."""


class AbError(MmsimError):
    """An A/B test."""


class CalibrateError(MmsimError):
    """A calibration, or what is worked out from many runs."""


if __name__ == "__main__":
    print(codes_page(), end="")  # noqa: T201
