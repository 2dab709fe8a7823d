"""Tasks for celery, by way of files in the folder TASKS."""

from __future__ import annotations

import gc
import os
from pathlib import Path

from celery import Celery

from gctune.integrations.celery import install
from gctune.monitor.monitor import current

HEAP = [[] for _ in range(10_000)]
FOLDER = Path(os.environ["TASKS"])

app = Celery("tasks", broker="filesystem://", backend=f"file://{FOLDER}")
app.conf.broker_transport_options = {
    "data_folder_in": str(FOLDER),
    "data_folder_out": str(FOLDER),
    "control_folder": str(FOLDER / "control"),
}
install()
kept = []


@app.task
def told() -> dict[str, object]:
    return {
        "pid": os.getpid(),
        "threshold0": gc.get_threshold()[0],
        "frozen": gc.get_freeze_count(),
        "monitored": current() is not None,
    }


@app.task
def grow(size: int) -> int:
    kept.append(b"x" * size)
    return os.getpid()
