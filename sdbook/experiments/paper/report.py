"""Tables and notes on results: the gain of each student over its teacher, by rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sdbook.experiments.paper.strength import Strength
from sdbook.experiments.sweeps import Results

__all__ = ["gains", "notes", "scores", "table"]


def gains(results: Results, strengths: Sequence[Strength] = ()) -> list[dict[str, Any]]:
    """Return teacher and gains over it, one record for each student.

    Parameters
    ----------
    results : Results
        Of `run` or `experiment`.
    strengths : sequence of Strength
        What `run` was told, to be shown beside what came of it.

    Returns
    -------
    list of dict
        noise, rate, student ("round 2", ..., "partial labels"); teacher_lam and lam (None where
        `strengths` does not say them); mean and sample standard deviation over seeds of the
        teacher's test accuracy and of the gain, the latter None where there is one seed.

    Examples
    --------
    >>> from sdbook.experiments import paper
    >>> train, test = paper.load("digits")
    >>> options = {"noises": ["symmetric"], "rates": [0.7], "seeds": 1, "rounds": 2}
    >>> sweep = paper.experiment(train, test, lam=1e-4, **options)
    >>> [record["student"] for record in paper.gains(sweep.run(progress=False))]
    ['round 2', 'partial labels']
    """
    lams = {(each.noise, each.rate, each.model): each.lam for each in strengths}
    spread_known = len(results.seeds) > 1
    records = []
    for noise in results.noises:
        teacher, teacher_sd = results.over_seeds("self-distillation", noise=noise)
        students = {}
        for method in results.methods:
            mean, sd = results.over_seeds(method, noise=noise, gain=True)
            for t in range(2, results.rounds(method) + 1):
                name = f"round {t}" if method == "self-distillation" else method
                students[name] = mean[:, t - 1], sd[:, t - 1]
        for row, rate in enumerate(results.rates):
            for name, (mean, sd) in students.items():
                records.append(
                    {
                        "noise": noise,
                        "rate": rate,
                        "student": name,
                        "teacher_lam": lams.get((noise, rate, "teacher")),
                        "lam": lams.get((noise, rate, name)),
                        "teacher": float(teacher[row, 0]),
                        "teacher_sd": float(teacher_sd[row, 0]) if spread_known else None,
                        "gain": float(mean[row]),
                        "gain_sd": float(sd[row]) if spread_known else None,
                    }
                )
    return records


def table(results: Results, strengths: Sequence[Strength] = ()) -> str:
    """Return the gains as text, in percentage points: mean and standard deviation over seeds.

    Where the L2 strength was chosen, it is shown below them, at the same places.

    Parameters
    ----------
    results, strengths
        As in `gains`.

    Returns
    -------
    str

    Examples
    --------
    >>> from sdbook.experiments import paper
    >>> train, test = paper.load("digits")
    >>> strengths = paper.fixed(1e-4, noises=["symmetric"], rates=[0.7], rounds=2)
    >>> results = paper.run(train, test, strengths, seeds=2, progress=False)
    >>> print(paper.table(results, strengths).splitlines()[1])
    rate     teacher          round 2          partial labels
    """
    lines = []
    records = gains(results, strengths)
    for noise in results.noises:
        mine = [record for record in records if record["noise"] == noise]
        students = list(dict.fromkeys(record["student"] for record in mine))
        lines.append(f"{noise} noise: test accuracy of the teacher, and gain over it, in %")
        rows = {rate: [each for each in mine if each["rate"] == rate] for rate in results.rates}
        lines.append(_line("rate", ["teacher", *students]))
        for rate, row in rows.items():
            cells = [_cell(row[0]["teacher"], row[0]["teacher_sd"], "")]
            cells += [_cell(record["gain"], record["gain_sd"], "+") for record in row]
            lines.append(_line(_percent(rate), cells))
        if any(strength.scores.size for strength in strengths):
            lines.append("λ")
            for rate, row in rows.items():
                lams = [row[0]["teacher_lam"], *(record["lam"] for record in row)]
                lines.append(_line(_percent(rate), [f"{lam:.3g}" for lam in lams]))
        lines.append("")
    return "\n".join(lines).rstrip()


def notes(results: Results, strengths: Sequence[Strength]) -> list[str]:
    """Return what has to be known beside the table, one sentence or two each.

    Parameters
    ----------
    results, strengths
        As in `gains`.

    Returns
    -------
    list of str

    Examples
    --------
    >>> from sdbook.experiments import paper
    >>> train, test = paper.load("digits")
    >>> strengths = paper.fixed(1e-4, noises=["symmetric"], rates=[0.7], rounds=2)
    >>> results = paper.run(train, test, strengths, seeds=1, progress=False)
    >>> for note in paper.notes(results, strengths):
    ...     print(note)
    λ is fixed at 0.0001 for teachers and students.
    One seed: how much the numbers scatter is not known.
    """
    judged = [strength for strength in strengths if strength.scores.size]
    if judged:
        tried = judged[0].lams
        found = [
            f"λ is the best of {', '.join(f'{lam:.3g}' for lam in tried)}, judged by agreement "
            "with held-out given labels (mean over the seeds), for the teacher and each student, "
            "and for each kind and rate of noise. No clean label was used. A student's gain is "
            "over the teacher with the teacher's own λ."
        ]
    else:
        fixed = sorted({strength.lam for strength in strengths})
        found = [
            f"λ is fixed at {', '.join(f'{lam:.3g}' for lam in fixed)} for teachers and students."
        ]
    if len(results.seeds) == 1:
        found.append("One seed: how much the numbers scatter is not known.")
    else:
        found.append(f"± is the standard deviation over {len(results.seeds)} seeds.")
    scattered = [strength for strength in judged if len(set(strength.alone)) > 1]
    if scattered:
        found.append(
            f"In {len(scattered)} of {len(judged)} choices the seeds would not have agreed on λ "
            "had each chosen alone."
        )
    if results.unfinished:
        found.append(
            f"WARNING: {results.unfinished} models did not reach the solver's tolerance; their "
            "numbers count."
        )
    return found + [f"WARNING: {each.warning}." for each in judged if each.warning]


def scores(strengths: Sequence[Strength]) -> list[dict[str, Any]]:
    """Return what the choice of each L2 strength was made from, one record for each score.

    Parameters
    ----------
    strengths : sequence of Strength
        Of `choose`; those of `fixed` have no scores.

    Returns
    -------
    list of dict
        noise, rate, model, seed, lam, held_out (share of held-out instances whose given label the
        model answers) and chosen (whether this strength was, over all seeds).

    Examples
    --------
    >>> from sdbook.experiments import paper
    >>> paper.scores(paper.fixed(1e-4))
    []
    """
    return [
        {
            "noise": strength.noise,
            "rate": strength.rate,
            "model": strength.model,
            "seed": seed,
            "lam": lam,
            "held_out": float(score),
            "chosen": lam == strength.lam,
        }
        for strength in strengths
        for seed, row in enumerate(strength.scores)
        for lam, score in zip(strength.lams, row, strict=True)
    ]


def _cell(mean: float, sd: float | None, sign: str) -> str:
    spread = "" if sd is None else f" ± {100 * sd:.1f}"
    return f"{100 * mean:{sign}.1f}{spread}"


def _line(head: str, cells: Sequence[str]) -> str:
    return f"{head:9}{''.join(f'{cell:17}' for cell in cells)}".rstrip()


def _percent(rate: float) -> str:
    return f"{100 * rate:.6g}%"
