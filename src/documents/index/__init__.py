"""What is in the index: files, passages, words, vectors."""
