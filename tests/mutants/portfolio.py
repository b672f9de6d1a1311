"""Mutants of portfolios and reports: allocator, scoreboard, limits, sums, edge, markouts."""

from tests.mutants.harness import Mutant

ALLOCATION, SUMS, EDGE = (("property/test_portfolio_allocation.py",), ("report/test_sums.py",), ("report/test_edge.py",))
LIMITS = ("property/test_portfolio_limits.py", "portfolio/test_limit.py")

MUTANTS = (
    Mutant("portfolio/allocator.py", "(value - best) / settings.temperature", "(value - best) / 2.0", "the temperature is always 2", ALLOCATION),
    Mutant("portfolio/allocator.py", "(value - best) / settings.temperature", "(value - best) * settings.temperature", "the temperature multiplies", ALLOCATION),
    Mutant("portfolio/allocator.py", "len(filled) * power / total", "power / total", "weights sum to 1, not to the number of symbols", ALLOCATION),
    Mutant("portfolio/allocator.py", "middle if score is None else score", "0.5 if score is None else score", "an unknown score counts as a half, not as the mean", ALLOCATION),
    Mutant("portfolio/allocator.py", "return 0.5 * weight + 0.5 * target", "return target", "a weight goes all of the way", ALLOCATION),
    Mutant("portfolio/allocator.py", "if abs(target - weight) < settings.hysteresis:", "if abs(target - weight) <= settings.hysteresis:", "a change as large as the hysteresis is left out", ALLOCATION),
    Mutant("portfolio/allocator.py", "if now_ns - since < settings.blacklist_ns:", "if now_ns - since <= settings.blacklist_ns:", "a symbol is blocked one barrier late", ALLOCATION),
    Mutant("portfolio/allocator.py", "if now_ns < share.blocked_until_ns:", "if now_ns <= share.blocked_until_ns:", "a symbol returns one barrier late", ALLOCATION),
    Mutant("portfolio/allocator.py", "return Share(settings.weight_min)", "return Share(share.weight)", "a symbol returns at its old weight", ALLOCATION),
    Mutant("portfolio/allocator.py", "rating.net_bps >= settings.blacklist_net_bps", "rating.net_bps > settings.blacklist_net_bps", "a symbol fails at the limit of the blacklist", ALLOCATION),
    Mutant("portfolio/allocator.py", "free = [symbol for symbol, share in judged.items() if not share.blocked]", "free = list(judged)", "blocked symbols take part in the weights", ALLOCATION),
    Mutant("portfolio/allocator.py", "return Share(within(1.0, settings), is_excluded(symbol, settings))", "return Share(1.0, is_excluded(symbol, settings))", "a first weight beyond its bounds", ALLOCATION),
    Mutant("portfolio/allocator.py", "return share._replace(blocked=False, failing_since_ns=NEVER_NS)", "return share._replace(blocked=False)", "one good window does not end a failing time", ALLOCATION),
    Mutant("portfolio/scoreboard.py", "_WEIGHTS = (0.4, 0.2, 0.2, 0.1, 0.1)", "_WEIGHTS = (0.4, 0.2, 0.1, 0.2, 0.1)", "slippage and queue edge change their weights", ALLOCATION),
    Mutant("portfolio/scoreboard.py", "value if average is None else", "value if not average else", "an average that is 0 is set anew", ALLOCATION),
    Mutant("portfolio/scoreboard.py", "if standing.samples < settings.min_samples:", "if standing.samples <= settings.min_samples:", "a score comes one window late", ALLOCATION),
    Mutant("portfolio/scoreboard.py", "_NET_BPS_LO, _NET_BPS_HI = -20.0, 20.0", "_NET_BPS_LO, _NET_BPS_HI = -20.0, 10.0", "10 bps are the best net", ALLOCATION),
    Mutant("portfolio/scoreboard.py", "NEUTRAL if adverse is None else 1.0 - unit(adverse / _COST_BPS),", "NEUTRAL if adverse is None else unit(1.0 - adverse),", "an adverse move of 1 bps takes all of its part", ALLOCATION),
    Mutant("report/sums.py", "bound = largest(left) + largest(right)\n    return _wide(left, bound) + _wide(right, bound)", "bound = largest(left)\n    return _wide(left, bound) + _wide(right, bound)", "sums of two columns overflow", SUMS),
    Mutant("report/sums.py", "bound *= abs(factor) if isinstance(factor, int) else largest(factor)", "bound *= 1 if isinstance(factor, int) else largest(factor)", "products with a number overflow", SUMS),
    Mutant("report/sums.py", "low = int((values & _LOW_MASK).sum())", "low = int((values % _LOW_MASK).sum())", "totals of low halves are wrong at their mask", SUMS),
    Mutant("report/sums.py", "return add(top, low // 2) // low", "return top // low", "divisions round down", SUMS),
    Mutant("report/sums.py", "return max(abs(int(values.min())), abs(int(values.max())))", "return abs(int(values.max()))", "the largest of a column of losses is its smallest", SUMS),
    Mutant("report/sums.py", "return int(sum(values.tolist()))", "return int(sum(values.tolist()[:-1]))", "totals of large columns leave out the last row", (*SUMS, *EDGE)),
    Mutant("report/edge.py", "before != 0)\n    gross", "True)\n    gross", "a fill without a mid has an adverse move", EDGE),
    Mutant("report/edge.py", "rounded = value - sums.total(sums.multiply(signs, at_mark))", "rounded = 0", "what the ledger rounds is lost", EDGE),
    Mutant("report/edge.py", "slippage = sums.multiply(signs, sums.subtract(at_price, asked))", "slippage = sums.multiply(signs, sums.subtract(asked, at_price))", "the sign of slippage", EDGE),
    Mutant("report/edge.py", "money, signs = run.money, run.money.direction * run.signs", "money, signs = run.money, run.signs", "inverse contracts have the signs of linear ones", EDGE),
    Mutant("report/edge.py", "known = (before != 0) & (after[horizon] != 0)", "known = after[horizon] != 0", "an adverse move in bps of a fill without a mid", EDGE),
    Mutant("report/edge.py", 'net = None if value is None else 2 * int(run.counts["cash_units"]) - fees + value', 'net = None if value is None else 2 * int(run.counts["cash_units"]) + value', "the run's net leaves out the fees", EDGE),
    Mutant("report/edge.py", "_BPS * halves / (2 * turnover)", "_BPS * halves / turnover", "bps of twice the turnover", EDGE),
    Mutant("report/edge.py", '(np.where(priced, quoted, run.fills["price_ticks"])', '(np.where(priced, run.fills["price_ticks"], run.fills["price_ticks"])', "no fill has slippage", EDGE),
    Mutant("report/markouts.py", "np.where((bid != NO_PRICE) & (ask != NO_PRICE), bid + ask, 0)", "np.where(bid != NO_PRICE, bid + ask, 0)", "a mid of a book without asks", EDGE),
    Mutant("report/markouts.py", "max(horizon_ns, CLUSTER_NS_MIN)", "max(horizon_ns, 1)", "fills in one tenth of a second do not count as one", EDGE),
    Mutant("report/markouts.py", "squares * count / (count - 1)", "squares", "standard errors without the correction for few intervals", EDGE),
    Mutant("report/markouts.py", "rest = sums.floats(values) - mean * sums.floats(weights)", "rest = sums.floats(values)", "standard errors about 0, not about the mean", EDGE),
    Mutant("report/markouts.py", "realised = sums.multiply(signs, sums.subtract(later, weight))", "realised = sums.multiply(signs, sums.subtract(at_mid[marked], weight))", "the realised spread is the captured one", EDGE),
    Mutant("report/markouts.py", 'fills["seq"][order[place[known]]] == markouts["fill_seq"][known]', "np.ones(int(known.sum()), bool)", "a markout of a fill that is not there goes to the next fill", ("report/test_folder.py",)),
    Mutant("report/markouts.py", "weight = at_price[marked]", "weight = at_mid[marked]", "markouts in bps of the mid", EDGE),
)  # fmt: skip
