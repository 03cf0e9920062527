"""A few items by hand: start, look, wait, fetch, remove."""

from prefect_openai_batch import ChatRequest, clean_up, fetch_output, get_batch, submit_batch, wait_for_batch


def main() -> None:
    """Ask three questions in one batch, and print the answers."""
    questions = ["Hello.", "Name a colour.", "What is seven times six?"]
    items = [
        ChatRequest(model="gpt-5-mini", prompt=question).item(f"item-{number}")
        for number, question in enumerate(questions, start=1)
    ]
    batch = submit_batch(items)  # or submit_batch(input_file_id="file-…")
    batch = get_batch(batch.id)
    batch = wait_for_batch(batch)  # or wait_for_batch("batch_…"), one that somebody else started
    answers = fetch_output(batch).frame()  # custom_id, outcome, answer, response, error
    clean_up(batch)  # or, before it ends: cancel_batch(batch.id)
    print(answers[["custom_id", "outcome", "answer"]].to_string(index=False))


if __name__ == "__main__":
    main()
