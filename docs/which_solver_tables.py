"""Tables of the measurements of `which_solver.py`."""

from collections.abc import Callable
from functools import partial

import numpy as np
from measured import markdown
from scipy.stats import rankdata, studentized_range, t
from which_solver_fits import (
    BATCH,
    BATCHES,
    DATA,
    LONG,
    NOTHING,
    SCHEDULED,
    SHORT,
    SIGNS,
    Way,
    default_rate,
    default_rates,
)

from skoptnet import MLPRegressorX

#: Scores are in points: hundredths of the loss of the constant prediction.
POINTS = 100
#: The lowest score; worse and diverged models count as this.
WORST = -1.0 * POINTS
#: Rates within this many points of the best count as good.
GOOD = 2.0


class Results:
    """The measurements as arrays of shape (data set, rate, seed), in points.

    A score is the fraction by which a model reduces the loss of the constant
    prediction: R2 for the squared error, D2 for the log loss. Test scores are at least
    `WORST`.

    Attributes
    ----------
    data, solvers, schedules : lists of str
        The measured ones; solvers without lbfgs. The data sets are the first axis.
    rates : dict of arrays
        The second axis of each `Way`.
    validation, test : dict of arrays
        The scores of each `Way`.
    test_loss, signs : dict of arrays
        Loss of the test rows; the `SIGNS`, without an axis of seeds.
    """

    def __init__(self, rows: list[dict]):
        self.data = list(dict.fromkeys(row["data"] for row in rows))
        n_seeds = sum(name.startswith("test_") for name in rows[0])
        of_way: dict[Way, list[dict]] = {}
        for row in rows:
            way = Way(*(row[name] for name in Way._fields))
            of_way.setdefault(way, []).append(row)

        def array(way: Way, *names: str) -> np.ndarray:
            flat = np.array([[row[name] for name in names] for row in of_way[way]])
            return flat.reshape(len(self.data), -1, len(names))

        seeds = range(n_seeds)
        validation = [f"validation_{seed}" for seed in seeds]
        test = [f"test_{seed}" for seed in seeds]
        self.constant = array(NOTHING, *test)[:, 0]
        self.rates, self.validation, self.test = {}, {}, {}
        self.test_loss, self.signs = {}, {}
        ways = [way for way in of_way if way != NOTHING]
        names = dict.fromkeys(way.solver for way in ways)
        self.solvers = [name for name in names if name != "lbfgs"]
        self.schedules = list(dict.fromkeys(way.schedule for way in ways))
        for way in ways:
            self.rates[way] = array(way, "rate")[0, :, 0]
            self.test_loss[way] = array(way, *test)
            self.validation[way] = saved(
                array(way, *validation), array(NOTHING, *validation)
            )
            of_test = saved(self.test_loss[way], array(NOTHING, *test))
            self.test[way] = np.maximum(of_test, WORST)
            self.signs[way] = {name: array(way, name)[:, :, 0] for name in SIGNS}

    def default(self, way: Way) -> np.ndarray:
        """Return the index of the default rate, (data,)."""
        rates = list(self.rates[way])
        return np.array([rates.index(default_rate(way.solver, d)) for d in self.data])

    def tuned(self, way: Way) -> np.ndarray:
        """Return the index of the rate of the best validation score, (data, seed)."""
        return self.validation[way].argmax(axis=1)

    def tuned_rates(self, way: Way) -> np.ndarray:
        """Return that rate."""
        return self.rates[way][self.tuned(way)]

    def at(self, way: Way, index: np.ndarray) -> np.ndarray:
        """Return the test scores at the rates of an index, (data, seed)."""
        return np.take_along_axis(self.test[way], index[:, None], axis=1)[:, 0]

    def at_tuned(self, way: Way) -> np.ndarray:
        """Return the test scores at the rates tuned on the validation rows."""
        return self.at(way, self.tuned(way))

    def at_default(self, way: Way) -> np.ndarray:
        """Return the test scores at the default rate, (data, seed)."""
        return self.of_default(way, self.test[way])

    def of_default(self, way: Way, figures: np.ndarray) -> np.ndarray:
        """Return the entries at the default rate of an array (data, rate, ...)."""
        return figures[np.arange(len(self.data)), self.default(way)]

    def good_decades(self, way: Way) -> np.ndarray:
        """Return the range of good rates around the best, in decades."""
        score = np.median(self.test[way], axis=2)
        decades = []
        for curve in score:
            good = curve >= curve.max() - GOOD
            first = last = curve.argmax()
            while first > 0 and good[first - 1]:
                first -= 1
            while last < len(curve) - 1 and good[last + 1]:
                last += 1
            decades.append(np.log10(self.rates[way][last] / self.rates[way][first]))
        return np.array(decades)

    def climbed(self, way: Way) -> tuple[np.ndarray, np.ndarray]:
        """Follow the page's search; return the index of its rate and its fits.

        It goes from the default rate to the next higher one as long as the validation
        score improves; if the first step does not improve it, downwards in the same
        way.
        """
        score = self.validation[way]
        at = np.tile(self.default(way)[:, None], (1, score.shape[2]))
        fits = np.ones_like(at)
        for d, s in np.ndindex(*at.shape):
            curve, start = score[d, :, s], at[d, s]
            for step in (1, -1):
                while 0 <= at[d, s] + step < len(curve):
                    fits[d, s] += 1
                    here, there = curve[at[d, s]], curve[at[d, s] + step]
                    if there <= here and not (step < 0 and np.isinf(here)):
                        break
                    at[d, s] += step
                if at[d, s] != start:
                    break
        return at, fits


def saved(loss: np.ndarray, of_constant: np.ndarray) -> np.ndarray:
    """Return the reduction of a constant prediction's loss, in points."""
    return POINTS * (1 - loss / of_constant)


def typical(difference: np.ndarray) -> np.ndarray:
    """Return the median over the seeds, per data set."""
    return np.median(difference, axis=1)


def noise(difference: np.ndarray) -> np.ndarray:
    """Return the least significant mean over the seeds, per data set.

    This is Nadeau and Bengio's (2003) t test for splits of the same rows, at 5 %:
    https://doi.org/10.1023/A:1024068626366.
    """
    n_data, n_seeds = difference.shape
    if n_seeds == 1:
        return np.full(n_data, np.inf)
    test_to_training = 1 / 3
    error = difference.std(axis=1, ddof=1) * np.sqrt(1 / n_seeds + test_to_training)
    return t.ppf(0.975, n_seeds - 1) * error


def verdicts(difference: np.ndarray) -> tuple[int, int, int]:
    """Return the numbers of data sets above, within and below the noise."""
    n_data, mean, bound = len(difference), difference.mean(axis=1), noise(difference)
    above, below = int((mean > bound).sum()), int((mean < -bound).sum())
    return above, n_data - above - below, below


# Tables.


def plain(value: float, digits: int) -> str:
    return f"{round(float(value), digits) + 0.0:.{digits}f}"  # no "-0.0"


def spread(values: np.ndarray, digits: int = 1) -> str:
    """Return the median and, in brackets, the range."""
    median, least, most = (
        plain(value, digits)
        for value in (np.median(values), values.min(), values.max())
    )
    return f"{median} ({least} to {most})"


def spread_80(values: np.ndarray) -> str:
    """Return the median and, in brackets, the range of the middle 80 %."""
    low, median, high = (plain(q, 0) for q in np.quantile(values, (0.1, 0.5, 0.9)))
    return f"{median} ({low} to {high})"


def counts(difference: np.ndarray) -> str:
    return " / ".join(map(str, verdicts(difference)))


def scores(results: Results, names: list[str], epochs: int = LONG) -> np.ndarray:
    """Return the tuned test scores of solvers, of shape (solver, data, seed)."""
    return np.array([results.at_tuned(Way(name, epochs=epochs)) for name in names])


def solver_names(results: Results) -> list[str]:
    """Return the solvers, best mean rank first."""
    names = [*results.solvers, "lbfgs"]
    return [names[i] for i in np.argsort(mean_ranks(results, names), kind="stable")]


def mean_ranks(results: Results, names: list[str]) -> np.ndarray:
    medians = np.median(scores(results, names), axis=2)
    return rankdata(-medians.round(6), axis=0).mean(axis=1)


def rank_difference(n_solvers: int, n_data: int) -> float:
    """Return Nemenyi's critical difference of mean ranks, at 5 %."""
    q = studentized_range.ppf(0.95, n_solvers, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(n_solvers * (n_solvers + 1) / (6 * n_data)))


def solver_table(results: Results) -> str:
    names = solver_names(results)
    tuned = scores(results, names)
    best = np.median(tuned, axis=2).max(axis=0)
    adam = results.at_tuned(Way("adam"))
    n_seeds = adam.shape[1]
    adam_stopped = results.at_default(Way("adam", weights="best"))
    lines = []
    for name, rank, score in zip(names, mean_ranks(results, names), tuned, strict=True):
        default = results.at_default(Way(name))
        stopped = Way(name, weights="best")
        default_stopped = results.at_default(stopped)
        lines.append(
            [
                name,
                f"{rank:.1f}",
                spread(best - typical(score)),
                counts(score - adam),
                spread(best - typical(default)),
                spread(best - typical(default_stopped)),
                counts(default_stopped - adam_stopped),
                spread(best - typical(results.at_tuned(stopped))),
            ]
        )
    header = [
        "solver",
        "mean rank, tuned",
        "points behind, tuned",
        "against adam, tuned: better / equal / worse",
        "points behind, default rate",
        "points behind, default rate with early stopping",
        "against adam, default rate with early stopping",
        "points behind, tuned with early stopping",
    ]
    difference = rank_difference(len(names), len(results.data))
    bounds = noise(
        (np.delete(tuned, names.index("adam"), 0) - adam).reshape(-1, n_seeds)
    )
    return (
        markdown(header, lines)
        + f"\n\nMean ranks that differ by less than {difference:.1f} do not differ"
        + " significantly (Nemenyi's test, 5 %). The least significant difference from"
        + f" adam on a data set, both tuned, in points: {spread(bounds)}."
    )


def loss_table(results: Results) -> str:
    names = solver_names(results)
    lines = []
    for d, data in enumerate(results.data):
        regression = DATA[data][0] is MLPRegressorX
        figures = []
        for name in names:
            way = Way(name)
            index = results.tuned(way)
            figure = results.test_loss[way]
            figure = np.take_along_axis(figure, index[:, None], axis=1)[d, 0]
            if regression:
                figure = 1 - figure / results.constant[d]
            figures.append(float(np.median(figure)))
        best = max(figures) if regression else min(figures)
        constant = 0.0 if regression else float(np.median(results.constant[d]))
        cells = [
            f"**{figure:.3f}**" if figure == best else f"{figure:.3f}"
            for figure in figures
        ]
        measure = "R2" if regression else "log loss"
        lines.append([data, measure, f"{constant:.3f}", *cells])
    return markdown(["data set", "measure", "constant", *names], lines)


def rate_table(results: Results) -> str:
    lines = []
    for name in results.solvers:
        way = Way(name)
        stopped = way._replace(weights="best")
        rates = results.tuned_rates(way)
        edges = np.isin(rates, results.rates[way][[0, -1]])
        losses = results.of_default(way, results.test_loss[way])
        lines.append(
            [
                name,
                default_rates(name),
                best_rates(results, way),
                best_rates(results, stopped),
                f"{edges.sum()} of {rates.size}",
                spread(results.good_decades(way)),
                spread(results.good_decades(stopped)),
                spread(typical(results.at_tuned(way) - results.at_default(way))),
                f"{np.isinf(losses).sum()} of {rates.size}",
            ]
        )
    header = [
        "solver",
        "default rate",
        "tuned rate",
        "tuned rate with early stopping",
        "tuned rate at an end of the grid",
        "range of good rates, decades",
        "range of good rates with early stopping",
        "points of the default rate behind the tuned rate",
        "default rate diverged",
    ]
    return markdown(header, lines)


def best_rates(results: Results, way: Way) -> str:
    """Return the median of the tuned rates and the range of their middle 80 %."""
    low, median, high = (
        nearest(results.rates[way], rate)
        for rate in np.quantile(results.tuned_rates(way), (0.1, 0.5, 0.9))
    )
    return f"**{median:g}** ({low:g} to {high:g})"


def nearest(rates: np.ndarray, rate: float) -> float:
    """Return the nearest rate of a grid, on a logarithmic scale."""
    return float(rates[np.abs(np.log(rates / rate)).argmin()])


#: The rates of the table, as multiples of the best.
FACTORS = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100]


def curve_table(results: Results) -> str:
    """Return loss curves at multiples of the best rate, over solvers and data sets."""
    lines = []
    for factor in FACTORS:
        last, stopped = (
            [
                case
                for solver in results.solvers
                for case in cases_beside(results, Way(solver, weights=weights), factor)
            ]
            for weights in ("last", "best")
        )
        if not (last and stopped):
            continue
        behind, diverged, rises, fall, _ = np.array(last).T
        behind_stopped, diverged_stopped, *_, kept = np.array(stopped).T
        finite, finite_stopped = diverged < 0.5, diverged_stopped < 0.5
        signs = [100 * rises[finite], 100 * fall[finite], kept[finite_stopped]]
        rises, fall, kept = (spread_80(sign) if sign.size else "" for sign in signs)
        lines.append(
            [
                f"{factor:g}",
                spread_80(behind),
                f"{100 * diverged.mean():.0f} %",
                rises,
                fall,
                spread_80(behind_stopped),
                kept,
            ]
        )
    header = [
        "rate / best rate",
        "points behind the best rate",
        "diverged",
        "epochs with a rising training loss, %",
        "decrease of the training loss in ten epochs, %",
        "early stopping: points behind its best rate",
        "early stopping: best epoch",
    ]
    return markdown(header, lines)


def cases_beside(results: Results, way: Way, factor: float) -> list[list[float]]:
    """Return the measurements at a multiple of each data set's best rate."""
    score = np.median(results.test[way], axis=2)
    choice = np.median(results.validation[way], axis=2).argmax(axis=1)
    rates, signs = results.rates[way], results.signs[way]
    cases = []
    for d, best in enumerate(choice):
        distance = np.abs(np.log10(rates / rates[best] / factor))
        at = distance.argmin()
        if distance[at] < 0.1:
            cases.append(
                [
                    score[d, best] - score[d, at],
                    np.isinf(results.test_loss[way][d, at]).mean(),
                    *(signs[name][d, at] for name in ("rises", "fall", "kept")),
                ]
            )
    return cases


def rule_table(results: Results) -> str:
    lines = []
    for weights, label in (("best", ", early stopping"), ("last", "")):
        for name in results.solvers:
            way = Way(name, weights=weights)
            tuned = results.at_tuned(way)
            at, fits = results.climbed(way)
            lines.append(
                [
                    f"{name}{label}",
                    spread(tuned - results.at_default(way)),
                    spread(fits, 0),
                    f"{(at == results.tuned(way)).sum()} of {at.size}",
                    spread(tuned - results.at(way, at)),
                    f"{(tuned - results.at(way, at) > GOOD).sum()} of {at.size}",
                ]
            )
    header = [
        "solver",
        "default rate: points behind the grid search",
        "fits",
        "same rate as the grid search",
        "points behind the grid search",
        f"more than {GOOD:g} points behind",
    ]
    return markdown(header, lines)


def pilot_table(results: Results) -> str:
    lines = []
    for name in results.solvers:
        way, short = Way(name), Way(name, epochs=SHORT)
        loss = results.at_tuned(way) - results.at(way, results.tuned(short))
        shift = results.tuned_rates(way) / results.tuned_rates(short)
        lines.append(
            [
                name,
                spread(loss),
                f"{(loss > GOOD).sum()} of {loss.size}",
                f"{10 ** np.median(np.log10(shift)):.2g}",
            ]
        )
    header = [
        "solver",
        f"tuned on {SHORT} epochs: points behind tuned on {LONG}",
        f"more than {GOOD:g} points behind",
        f"best rate for {LONG} / for {SHORT} epochs",
    ]
    return markdown(header, lines)


def schedule_table(results: Results, epochs: int) -> str:
    lines = []
    for solver in SCHEDULED:
        constant = Way(solver, epochs=epochs)
        for schedule in results.schedules:
            if schedule == "constant":
                continue
            way = constant._replace(schedule=schedule)
            gain = results.at_tuned(way) - results.at_tuned(constant)
            ratio = results.tuned_rates(way) / results.tuned_rates(constant)
            plain = results.at_default(way) - results.at_default(constant)
            lines.append(
                [
                    solver,
                    schedule,
                    spread(typical(gain)),
                    counts(gain),
                    f"{10 ** np.median(np.log10(ratio)):.2g}",
                    spread(typical(plain)),
                    counts(plain),
                ]
            )
    header = [
        "solver",
        "schedule",
        "points gained, tuned",
        "better / equal / worse",
        "tuned initial rate / tuned constant rate",
        "points gained, default rate",
        "better / equal / worse",
    ]
    return markdown(header, lines)


def lbfgs_table(results: Results) -> str:
    ways = {
        f"lbfgs, {LONG} iterations": (Way("lbfgs"), "default"),
        "lbfgs, tuned": (Way("lbfgs"), "tuned"),
        "lbfgs, early stopping": (Way("lbfgs", weights="best"), "default"),
        f"adam, {LONG} epochs": (Way("adam"), "default"),
        "adam, tuned": (Way("adam"), "tuned"),
        "adam, early stopping": (Way("adam", weights="best"), "default"),
    }
    lines = []
    for d, data in enumerate(results.data):
        cells = []
        for way, rate in ways.values():
            at = results.tuned(way)
            if rate == "default":
                at = np.broadcast_to(results.default(way)[:, None], at.shape)
            score = np.median(results.at(way, at)[d])
            ms = np.median(results.signs[way]["ms"][d][at[d]])
            cells.append(f"{plain(score, 1)} ({ms:.0f} ms)")
        lines.append([data, *cells])
    return markdown(["data set", *ways], lines)


def batch_table(results: Results) -> str:
    lines = []
    for solver in SCHEDULED:
        reference = Way(solver)
        for batch in BATCHES:
            way = Way(solver, batch_size=batch)
            rates = results.tuned_rates(way)
            gain = results.at_tuned(way) - results.at_tuned(reference)
            default = results.at_default(way) - results.at_default(reference)
            ms = [
                results.of_default(each, results.signs[each]["ms"])
                for each in (way, reference)
            ]
            lines.append(
                [
                    solver,
                    batch,
                    f"{nearest(results.rates[way], np.median(rates)):g}",
                    spread(typical(gain)),
                    counts(gain),
                    spread(typical(default)),
                    spread(ms[0] / ms[1], 2),
                ]
            )
    header = [
        "solver",
        "batch_size",
        "tuned rate, median",
        f"points gained over {BATCH}, tuned",
        "better / equal / worse",
        "points gained, default rate",
        f"CPU time / that of {BATCH}",
    ]
    return markdown(header, lines)


#: The tables of the page, by name.
TABLES: dict[str, Callable[[Results], str]] = {
    "solvers": solver_table,
    "losses": loss_table,
    "rates": rate_table,
    "curves": curve_table,
    "rule": rule_table,
    "pilot": pilot_table,
    "schedules, long": partial(schedule_table, epochs=LONG),
    "schedules, short": partial(schedule_table, epochs=SHORT),
    "lbfgs": lbfgs_table,
    "batches": batch_table,
}
