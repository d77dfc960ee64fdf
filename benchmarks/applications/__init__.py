"""The workloads in each framework: one module for each, with a function ``application(workload)``."""
