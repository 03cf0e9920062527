"""What a person looks at when a job is done: findings in its outcomes, drawn as Markdown and as a page of HTML."""
