"""From results to the answer: templates, the writer, citations that hold, and text that can do no harm."""
