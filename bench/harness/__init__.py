"""The parts that `bench/run.py` is put together from."""
