"""Where jobs are kept: folders on any file system, and what they hold."""
