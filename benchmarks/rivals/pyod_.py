"""PyOD: its `VAE` with every default but the seed, which scales the columns by itself.

Takes one argument, JSON with `train` and `test` (.npy files of rows) and `seed`, and prints one
line of JSON: `scores` of the test rows, larger where less likely, `seconds` of the fit, `version`.
"""

import importlib.metadata
import json
import sys
import time

import numpy as np
from pyod.models.vae import VAE


def main() -> None:
    job = json.loads(sys.argv[1])
    train, test = np.load(job["train"]), np.load(job["test"])
    start = time.perf_counter()
    model = VAE(random_state=job["seed"], verbose=0).fit(train)
    told = {
        "seconds": time.perf_counter() - start,
        "scores": np.asarray(model.decision_function(test), float).tolist(),
        "version": importlib.metadata.version("pyod"),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
