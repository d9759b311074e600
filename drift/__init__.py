"""Has the traffic, or the risk of the model, changed? One detector a file, one Protocol: `DriftDetector`."""
