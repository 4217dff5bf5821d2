"""`SDBOOK_NO_SKIPS=1` turns every skipped test into a failure.

Tests skip where a browser or PyTorch is missing, so that everybody can run the rest. Where both
are installed on purpose a skip would hide that they were not found.
"""

from __future__ import annotations

import os

import pytest

NO_SKIPS = os.environ.get("SDBOOK_NO_SKIPS", "") not in ("", "0")


def refuse_skip(report):
    if NO_SKIPS and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[-1] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{reason}\n(SDBOOK_NO_SKIPS is set, so this skip is a failure)"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    return refuse_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    return refuse_skip((yield))
