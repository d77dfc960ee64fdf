"""What requests cost here and at the peers, side by side: ``python -m benchmarks``; README.md explains."""
