"""The log of what the deployed model said: `writer` for the service, one reader a file for the pipeline."""
