"""The parts of `waiting.py`: what a day of waiting costs."""
