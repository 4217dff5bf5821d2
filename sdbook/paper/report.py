"""Results as the paper shows them: gain over the teacher, by rate."""

from __future__ import annotations

from typing import Any

from sdbook.sweeps import Results

__all__ = ["gains", "table"]


def gains(results: Results) -> list[dict[str, Any]]:
    """Return teacher and gains over it, one record for each student.

    Parameters
    ----------
    results : Results
        Of `experiment`.

    Returns
    -------
    list of dict
        noise, rate, student ("round 2", ..., "partial labels"); mean and sample standard deviation
        over seeds of teacher's test accuracy and of the gain.

    Examples
    --------
    >>> from sdbook import paper
    >>> train, test = paper.load("digits")
    >>> sweep = paper.experiment(train, test, noises=["symmetric"], rates=[0.7], seeds=1, rounds=2)
    >>> [record["student"] for record in paper.gains(sweep.run(progress=False))]
    ['round 2', 'partial labels']
    """
    records = []
    for noise in results.noises:
        teacher, spread = results.over_seeds("self-distillation", noise=noise)
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
                        "teacher": float(teacher[row, 0]),
                        "teacher_sd": float(spread[row, 0]),
                        "gain": float(mean[row]),
                        "gain_sd": float(sd[row]),
                    }
                )
    return records


def table(results: Results) -> str:
    """Return the gains as text, in percentage points: mean and standard deviation over seeds.

    Parameters
    ----------
    results : Results
        Of `experiment`.

    Returns
    -------
    str

    Examples
    --------
    >>> from sdbook import paper
    >>> train, test = paper.load("digits")
    >>> sweep = paper.experiment(train, test, noises=["symmetric"], rates=[0.7], seeds=2, rounds=2)
    >>> print(paper.table(sweep.run(progress=False)).splitlines()[1])
    rate     teacher          round 2          partial labels
    """
    lines = []
    records = gains(results)
    for noise in results.noises:
        mine = [record for record in records if record["noise"] == noise]
        students = list(dict.fromkeys(record["student"] for record in mine))
        lines.append(f"{noise} noise: test accuracy of the teacher, and gain over it, in %")
        cells = [f"{name:17}" for name in ("teacher", *students)]
        lines.append(f"{'rate':9}{''.join(cells)}".rstrip())
        for rate in results.rates:
            row = [record for record in mine if record["rate"] == rate]
            values = [(row[0]["teacher"], row[0]["teacher_sd"], "")]
            values += [(record["gain"], record["gain_sd"], "+") for record in row]
            cells = [
                f"{f'{100 * mean:{sign}.1f} ± {100 * sd:.1f}':17}" for mean, sd, sign in values
            ]
            lines.append(f"{f'{rate:.0%}':9}{''.join(cells)}".rstrip())
        lines.append("")
    return "\n".join(lines).rstrip()
