"""Prefect flows: short, safe to run twice, safe to be killed. Each wraps one function of cycle/."""
