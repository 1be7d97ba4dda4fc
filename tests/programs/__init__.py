"""Programs as people write them: scalars, lists and loops, for one example.

Beside each stands what an expert writes instead: NumPy for a whole batch, forward and backward by
hand, and a loss in vectorised JAX. `table.PROGRAMS` lists them.
"""
