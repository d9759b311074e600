"""The local stack: Prefect, MLflow, Label Studio and the dashboard, started and watched by one command."""

from console.stack.look import ServerState, ServerStatus
from console.stack.stack import Addresses, Stack
from console.stack.start import Running

__all__ = ["Addresses", "Running", "ServerState", "ServerStatus", "Stack"]
