"""Computes a table of comparisons with gbstats and scipy: rows as JSON on standard input, answers as JSON on standard output."""

import json
import math
import sys
import warnings

from gbstats.bayesian.tests import EffectBayesianABTest, EffectBayesianConfig, GaussianPrior
from gbstats.frequentist.tests import (
    FrequentistConfig,
    SequentialConfig,
    SequentialTwoSidedTTest,
    TwoSidedTTest,
)
from gbstats.models.statistics import (
    ProportionStatistic,
    RatioStatistic,
    RegressionAdjustedStatistic,
    SampleMeanStatistic,
)
from gbstats.utils import check_srm
from scipy import integrate, optimize, stats

warnings.simplefilter("ignore")


def statistic(kind, sums):
    n = sums["n"]
    if kind == "proportion":
        main = ProportionStatistic(n=n, sum=sums["sum"])
    else:
        main = SampleMeanStatistic(n=n, sum=sums["sum"], sum_squares=sums["sum_squares"])
    second = sums.get("denominator") or sums.get("covariate")
    if second is None:
        return main
    if kind == "proportion":
        other = ProportionStatistic(n=n, sum=second["sum"])
    else:
        other = SampleMeanStatistic(n=n, sum=second["sum"], sum_squares=second["sum_squares"])
    if kind == "ratio":
        return RatioStatistic(n=n, m_statistic=main, d_statistic=other, m_d_sum_of_products=second["sum_products"])
    return RegressionAdjustedStatistic(
        n=n, post_statistic=main, pre_statistic=other, post_pre_sum_of_products=second["sum_products"], theta=0
    )


def interval(result):
    return [result.expected, result.uplift.stddev, result.ci[0], result.ci[1], result.p_value]


def comparison(row):
    def pair():
        return statistic(row["kind"], row["a"]), statistic(row["kind"], row["b"])

    answer = {}
    for scale in ["relative", "absolute"]:
        sequential = SequentialConfig(
            difference_type=scale, alpha=row["alpha"], sequential_tuning_parameter=row["tuning"]
        )
        answer["sequential_" + scale] = interval(SequentialTwoSidedTTest(*pair(), sequential).compute_result())
        fixed = FrequentistConfig(difference_type=scale, alpha=row["alpha"])
        answer["fixed_" + scale] = interval(TwoSidedTTest(*pair(), fixed).compute_result())
        prior = row["prior"]
        belief = GaussianPrior(prior["mean"], prior["sd"] ** 2, True) if prior else GaussianPrior()
        bayes = EffectBayesianConfig(
            difference_type=scale, alpha=row["alpha"], inverse=row["inverse"], prior_effect=belief
        )
        result = EffectBayesianABTest(*pair(), bayes).compute_result()
        answer["bayes_" + scale] = [
            result.expected,
            result.uplift.stddev,
            result.ci[0],
            result.ci[1],
            result.chance_to_win,
            result.risk[1],
            result.risk[0],
        ]
    if row["kind"] == "mean" and not row["a"].get("covariate"):
        a, b = pair()
        welch = stats.ttest_ind_from_stats(b.mean, b.stddev, b.n, a.mean, a.stddev, a.n, equal_var=False)
        answer["scipy_welch"] = float(welch.pvalue)
    return answer


def split(row):
    users, weights = row["users"], row["weights"]
    expected = [weight / sum(weights) * sum(users) for weight in weights]
    return [float(check_srm(users, weights)), float(stats.chisquare(users, expected).pvalue)]


def exact(row):
    """The chance that one share is above another, and the mean loss, by integration."""
    a, b = stats.beta(row["a"][0] + 1, row["a"][1] + 1), stats.beta(row["b"][0] + 1, row["b"][1] + 1)
    options = {"limit": 500, "epsabs": 1e-12, "epsrel": 1e-11}
    points = sorted({min(max(x, 1e-9), 1 - 1e-9) for d in (a, b) for x in d.ppf([1e-9, 0.01, 0.5, 0.99, 1 - 1e-9])})
    edges = [0.0, *points, 1.0]

    def over(function):
        return sum(integrate.quad(function, low, high, **options)[0] for low, high in zip(edges, edges[1:]))

    # The loss is the integral of P(b <= x < a) over x.
    return [over(lambda x: b.pdf(x) * a.cdf(x)), over(lambda x: b.cdf(x) * a.sf(x))]


def power(row):
    """The units of control that give the power, as a real number."""
    alpha = row["alpha"] / row["comparisons"]
    base, effect = row["baseline"], row["effect"]
    changed = base * (1 + effect) if row["relative"] else base + effect
    sd = row["sd"]
    va, vb = (sd**2, sd**2) if sd else (base * (1 - base), changed * (1 - changed))
    rho2 = (-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / 5000

    def missing(n):
        both = n * (1 + row["ratio"])
        error = math.sqrt(va / n + vb / (n * row["ratio"]))
        t = both * rho2 + 1
        sequential = math.sqrt(2 * t * math.log(math.sqrt(t) / alpha) / (both * rho2))
        width = sequential if row["sequential"] else stats.norm.isf(alpha / 2)
        return stats.norm.sf(width - abs(changed - base) / error) + stats.norm.cdf(-width - abs(changed - base) / error) - row["power"]

    return optimize.brentq(missing, 1, 1e12, xtol=1e-6, rtol=1e-13)


def finite(value):
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    value = float(value)
    return value if math.isfinite(value) else None


table = json.load(sys.stdin)
computed = {"comparison": comparison, "split": split, "exact": exact, "power": power}
json.dump([finite(computed[row["what"]](row)) for row in table], sys.stdout)
