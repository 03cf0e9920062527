"""Replies in the shape of each endpoint's body, with what they used."""
