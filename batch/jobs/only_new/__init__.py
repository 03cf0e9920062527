"""Only what is new: which rows a job takes of a source with a watermark, and the mark that it leaves."""
