"""What a ticket is about: language, category, claims, wishes, the order it names. Rule: actions rest on rules alone."""
