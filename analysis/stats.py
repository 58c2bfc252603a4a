"""
stats.py: is B different from A? Ratios with intervals, and what would make one doubt them.

stats.1: A block is one trial of A and one of B that ran next to each other. What drifts in the machine is in both,
so only their ratio counts.
stats.2: The centre is the mean of the log ratios without the highest and the lowest fifth (of all when there are
fewer than 10 blocks: none can be spared). A stall of the machine falls on one trial and must not decide.
stats.3: The 95 % interval is a bootstrap over blocks. It is widened for few blocks by Student's t against the normal
and by n / (n - 1), because a bootstrap of few is too sure of itself.
stats.4: Of 20 comparisons of like things one seems different at 95 %. A *finding* is a difference that still stands
when all comparisons that were made are counted (Holm 1979), at FINDING. CI may fail on a finding only.

Called by the report, by `compare` (so by the guard) and at the end of a bench. Pure: arrays in, numbers out; the same
seed gives the same interval. Needs numpy alone: a bench that ends must not wait for scipy to be loaded. stats_test.py
holds the distributions against scipy's.
"""
import dataclasses
import functools
import math
import statistics

import numpy as np

BLOCKS_MIN = 3
RESAMPLES = 2000
FINDING = 0.01  # chance that any of all comparisons of like things is called a finding


# ---- distributions ----

@functools.cache
def nodes():
    """Of Gauss and Legendre's quadrature on -1 to 1: where, and with what weight."""
    return np.polynomial.legendre.leggauss(200)


def student_beyond(t, df):
    """The chance that |T| > t, for Student's T with df degrees of freedom. With T = tan(a) * sqrt(df), the density of
    the angle a is proportional to cos(a) ** (df - 1)."""
    at, weight = nodes()
    low = math.atan(t / math.sqrt(df))
    half = (math.pi / 2 - low) / 2
    area = half * float(weight @ np.cos(low + half * (at + 1)) ** (df - 1))
    return min(1.0, 2 * area * math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(math.pi))


@functools.cache
def student_975(df):
    """The t that 2.5 % are above."""
    low, high = 0.0, 13.0  # of one degree of freedom it is 12.7, of more it is less
    for _ in range(60):
        t = (low + high) / 2
        low, high = (t, high) if student_beyond(t, df) > 0.05 else (low, t)
    return low


NORMAL_975 = statistics.NormalDist().inv_cdf(0.975)


def pairs_of(x):
    """x[j] - x[i] and j - i of all i < j."""
    i, j = np.triu_indices(len(x), 1)
    return x[j] - x[i], j - i


def trend_by_chance(x):
    """The chance that values without a trend rise or fall as steadily as these: Kendall's tau of value and order. Exact
    for few values that all differ, else by the normal that tau tends to."""
    n, signs = len(x), np.sign(pairs_of(x)[0])
    balance, pairs = int(signs.sum()), n * (n - 1) // 2
    if n <= 33 and signs.all():
        share = np.ones(1)  # of all orders of n values: how many have 0, 1, 2, ... pairs the other way round
        for k in range(2, n + 1):
            share = np.convolve(share, np.full(k, 1 / k))
        fewer = (pairs - abs(balance)) // 2
        return min(1.0, 2 * float(share[:fewer + 1].sum()))
    ties = np.unique(x, return_counts=True)[1]
    spread = (n * (n - 1) * (2 * n + 5) - (ties * (ties - 1) * (2 * ties + 5)).sum()) / 18
    return math.erfc(abs(balance) / math.sqrt(2 * spread)) if spread > 0 else 1.0


# ---- comparisons ----

@dataclasses.dataclass
class Comparison:
    """B against A. ratio > 1: B's figure is larger."""
    blocks: int
    ratio: float = math.nan
    low: float = math.nan        # 95 % of it
    high: float = math.nan
    p: float = math.nan          # chance of such a ratio if there were no difference
    finding: bool = False        # stats.4; set by correct()
    why: str = ""                # why it cannot be told, "" when it can

    @property
    def valid(self):
        return not self.why

    @property
    def different(self):
        """1 is outside the 95 % interval."""
        return self.valid and not self.low <= 1 <= self.high

    @property
    def detectable(self):
        """A difference of this share would have been seen (0.04: 4 %)."""
        return math.exp((math.log(self.high) - math.log(self.low)) / 2) - 1


def cut_of(n):
    """How many blocks do not count on each side."""
    return n // 5 if n >= 10 else 0


def centre(x):
    """Of stats.2, along the last axis."""
    n = np.shape(x)[-1]
    return np.sort(x, axis=-1)[..., cut_of(n):n - cut_of(n)].mean(axis=-1)


def freedom(n):
    """Degrees of freedom of a centre of n."""
    return n - 2 * cut_of(n) - 1


def error_of(x):
    """Standard error of the centre of x (Tukey and McLaughlin 1963: what was cut counts as the last that was not)."""
    n, cut = len(x), cut_of(len(x))
    x = np.sort(x)
    kept = np.clip(x, x[cut], x[n - cut - 1])
    return kept.std(ddof=1) / ((1 - 2 * cut / n) * math.sqrt(n))


def judged(blocks, df, middle, error, resampled):
    """A comparison from the centre of the log ratios, its standard error and its resampled centres (stats.3)."""
    widen = student_975(blocks - 1) / NORMAL_975 * math.sqrt(blocks / (blocks - 1))
    low, high = np.percentile(middle + (resampled - middle) * widen, [2.5, 97.5])
    p = student_beyond(abs(middle) / error, df) if error > 0 else float(middle == 0)
    return Comparison(blocks, math.exp(middle), math.exp(min(low, middle)), math.exp(max(high, middle)), p)


def unusable(a, b):
    if len(a) < BLOCKS_MIN:
        return f"only {len(a)} block{'s' * (len(a) != 1)} of trials, {BLOCKS_MIN} are needed"
    if not (np.isfinite(a).all() and np.isfinite(b).all() and (a > 0).all() and (b > 0).all()):
        return "too few operations in a trial"
    return ""


def compare(a, b, seed=1):
    """Paired: a[i] and b[i] are of block i (stats.1)."""
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    why = unusable(a, b)
    if why:
        return Comparison(blocks=len(a), why=why)
    log_ratio = np.log(b / a)
    pick = np.random.default_rng(seed).integers(0, len(a), (RESAMPLES, len(a)))
    return judged(len(a), freedom(len(a)), centre(log_ratio), error_of(log_ratio), centre(log_ratio[pick]))


def compare_apart(a, b, seed=1):
    """Two runs that did not take turns: trials are resampled on each side alone. Drift between the two
    runs counts as a difference: the caller must say so."""
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    why = unusable(a, a) or unusable(b, b)
    if why:
        return Comparison(blocks=min(len(a), len(b)), why=why)
    rng, la, lb = np.random.default_rng(seed), np.log(a), np.log(b)
    pick_a, pick_b = (rng.integers(0, len(x), (RESAMPLES, len(x))) for x in (a, b))
    n = min(len(a), len(b))
    return judged(n, freedom(n), centre(lb) - centre(la), math.hypot(error_of(la), error_of(lb)),
                  centre(lb[pick_b]) - centre(la[pick_a]))


def correct(comparisons):
    """Marks the findings (stats.4) among all comparisons that were made. Returns how many were."""
    valid = sorted((c for c in comparisons if c.valid), key=lambda c: c.p)
    for i, c in enumerate(valid):
        if c.p > FINDING / (len(valid) - i):
            break
        c.finding = True
    return len(valid)


TRIALS_MAX = 1000


def width_of(n, deviation):
    """About half of the 95 % interval's width in the log (stats.3), of n blocks whose log ratios deviate so much."""
    return student_975(n - 1) * math.sqrt(n / (n - 1)) * deviation / math.sqrt(n)


def blocks_needed(c, bound, comparisons):
    """How many blocks would tell whether the ratio is beyond the bound, if they go on as these: at a ratio beyond it,
    for a finding among so many comparisons; else for an interval that ends before it. None: more than TRIALS_MAX."""
    far = abs(math.log(c.ratio))
    beyond = (c.ratio > bound) if bound > 1 else (c.ratio < bound)
    margin = far if beyond else abs(math.log(bound) - math.log(c.ratio))
    deviation = (math.log(c.high) - math.log(c.low)) / 2 / width_of(c.blocks, 1)
    for n in range(max(BLOCKS_MIN, c.blocks + 1), TRIALS_MAX + 1):
        if beyond and deviation and student_beyond(far * math.sqrt(n) / deviation, n - 1) > FINDING / comparisons:
            continue
        if width_of(n, deviation) <= margin:
            return n
    return None


# ---- what would make one doubt ----

def drift(x):
    """The share by which trials grow or fall from the first to the last, where that is no chance; else 0. The slope is
    Theil's and Sen's: the median of the slopes of all pairs."""
    x = np.asarray(x, dtype=float)
    if len(x) < 6 or not np.isfinite(x).all() or (x <= 0).any():
        return 0.0
    if trend_by_chance(x) > 0.01:
        return 0.0
    rise, distance = pairs_of(np.log(x))
    change = math.exp(float(np.median(rise / distance)) * (len(x) - 1)) - 1
    return change if abs(change) > 0.05 else 0.0


def two_groups(x):
    """The middles of the two groups that trials fall into, or None when they are of one kind: the best cut
    in two leaves a fifth at least on each side, the groups are 4.5 of their spreads apart (Ashman's D; one
    normal cut in two gives 2.7, a flat one 3.5), and half of what lies between their middles is empty."""
    x, n = np.asarray(x, dtype=float), len(x)
    if n < 10 or not np.isfinite(x).all() or (x <= 0).any():
        return None
    x = np.sort(np.log(x))
    cuts = range(max(3, n // 5), n - max(3, n // 5) + 1)
    cut = min(cuts, key=lambda k: x[:k].var() * k + x[k:].var() * (n - k))
    low, high = x[:cut], x[cut:]
    apart = high.mean() - low.mean()
    spreads = math.sqrt(2) * apart / math.sqrt(low.var() + high.var() + 1e-30)
    if spreads < 4.5 or high[0] - low[-1] < apart / 2 or apart < math.log(1.05):
        return None
    return math.exp(low.mean()), math.exp(high.mean())


def interval_of_centre(x, seed=1):
    """(centre, low, high) of one target's trials, for a plot; (NaN, NaN, NaN) when there is none."""
    x = np.asarray(x, dtype=float)
    x = x[np.isfinite(x) & (x > 0)]
    if not len(x):
        return math.nan, math.nan, math.nan
    c = compare(np.ones(len(x)), x, seed)
    middle = math.exp(centre(np.log(x)))
    return (middle, c.low, c.high) if c.valid else (middle, math.nan, math.nan)
