"""Every schedule with parameters under which it moves within a few epochs."""

from skoptnet.schedules import SCHEDULES, Schedule

#: Those of the constructor; what a named schedule reads of the estimator stays there.
#: No loss is better than the first by as much as the threshold of "plateau" asks for.
QUICK = {
    "piecewise": {"milestones": [1, 3], "factor": 0.5},
    "cosine_restarts": {"period": 2, "multiplier": 2},
    "inverse_sqrt": {"warmup": 2},
    "plateau": {"patience": 0, "threshold": 1.0},
    "cosine": {"epochs": 8},
    "linear": {"epochs": 8, "final": 0.1},
    "polynomial": {"epochs": 8, "power": 3},
    "one_cycle": {"epochs": 8, "pct_start": 0.25, "div_factor": 5},
    "coslog": {"epochs": 8},
    "warmup": {"epochs": 3.5},
}


def quick(name: str) -> str | Schedule:
    """Return what ``lr_schedule=`` is to be: the name, or an object if it needs one."""
    return SCHEDULES[name](**QUICK[name]) if name in QUICK else name
