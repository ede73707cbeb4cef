"""Arguments of `LossCurveDisplay`, from trainings or from the scores of a search."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ._fitted import Training, labels_of
from ._searches import ALL, Candidates
from ._spreads import SPREADS, ends_of, spread_of_scores, spread_of_trainings


def curves_of_trainings(trainings: Mapping[str, Training]) -> dict[str, Any]:
    """Return the curves of single trainings."""
    several = list(trainings.values())
    return {
        "curves": {name: t.history for name, t in trainings.items()},
        "stops": _stops(
            trainings,
            [t.kept_epoch for t in several],
            [t.stop_reason for t in several],
        ),
        "labels": labels_of(several),
    }


def curves_of_groups(
    groups: Mapping[str, Sequence[Training | None]],
    spread: str,
    over: str,
    **stops: list[Any],
) -> dict[str, Any]:
    """Return median and spread of each group of trainings; None is a failed one.

    ``over`` names the members of a group; ``stops`` are further columns of the stops.
    """
    fitted = {name: [t for t in group if t] for name, group in groups.items()}
    trainings = [t for group in fitted.values() for t in group]
    if not trainings:
        raise ValueError(
            "There are no curves to draw: all fits failed. Lower learning_rate_init, or"
            " standardise the features."
        )
    kept = [math.nan] * len(groups)
    n = max(len(group) for group in groups.values())
    return {
        "curves": {
            name: spread_of_trainings(group, spread) if group else {"epoch": []}
            for name, group in fitted.items()
        },
        "stops": _stops(groups, kept, map(ends_of, groups.values())) | stops,
        "labels": labels_of(trainings),
        "spread": f"{SPREADS[spread][1]}\nover {n} {over}",
    }


def curves_of_candidates(
    tried: Candidates,
    groups: Mapping[str, list[int]],
    candidates: str,
    spread: str,
    train: Callable[[list[int]], list[list[Training | None]]],
) -> dict[str, Any]:
    """Return the curves of the best candidate of each group, or of all.

    ``train`` returns the trainings of candidates in each fold.
    """
    if candidates == "best":
        groups = {
            _name_of_best(name, group): [tried.best(group)]
            for name, group in groups.items()
        }
    chosen = [i for members in groups.values() for i in members]
    fits = dict(zip(chosen, train(chosen), strict=True))
    trainings = {
        name: [fit for i in members for fit in fits[i]]
        for name, members in groups.items()
    }
    if candidates == "all":
        return curves_of_groups(trainings, spread, "folds and candidates")
    params = [tried.params[i] for i in chosen]
    return curves_of_groups(trainings, spread, "folds", params=params)


def _name_of_best(name: str, group: list[int]) -> str:
    """Return the name of the best candidate of a group: that of the group, if any."""
    return "best candidate" if name == ALL and len(group) > 1 else name


def curves_of_scores(
    tried: Candidates, groups: Mapping[str, list[int]], spread: str
) -> dict[str, Any]:
    """Return median and spread of the scores of each group of candidates."""
    curves: dict[str, dict[str, list]] = {}
    ends = []
    for name, members in groups.items():
        curves[name] = spread_of_scores(tried.scores[members], spread)
        failed = len(members) - len(curves[name]["candidate"])
        ends.append(f"{failed} of {len(members)} failed" if failed else "")
    return {
        "curves": curves,
        "stops": _stops(groups, [math.nan] * len(groups), ends),
        "labels": {
            "candidate": "candidate, the best of its group first",
            "score": tried.score_label,
        },
        "spread": f"{SPREADS[spread][1]}\nover {tried.scores.shape[1]} folds",
    }


def _stops(
    named: Iterable[str], kept: Iterable[float], ends: Iterable[str]
) -> dict[str, list[Any]]:
    return {"name": [*named], "kept_epoch": [*kept], "stop_reason": [*ends]}
