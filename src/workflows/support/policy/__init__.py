"""What the desk may do: a policy people can read, and what it makes of one ticket. Pure but for reading the file."""
