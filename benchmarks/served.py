"""What a server process serves: the application that two variables of its environment name."""

from __future__ import annotations

import os
from importlib import import_module

app = import_module(f"benchmarks.applications.{os.environ['BENCHMARK_APPLICATION']}").application(
    os.environ["BENCHMARK_WORKLOAD"]
)
