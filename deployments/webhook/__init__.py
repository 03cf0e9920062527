"""The receiver of OpenAI's webhooks: verified, kept on disk, and told to the runs that wait suspended."""

from .receiver import make_app

__all__ = ["make_app"]
