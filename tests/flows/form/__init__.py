"""The form's flow: what is filled in, and the job that it becomes."""
