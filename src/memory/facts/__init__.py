"""What is known about people. Rule: each person has a file of their own; nothing is shared between them."""
