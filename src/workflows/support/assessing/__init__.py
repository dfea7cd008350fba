"""How a customer feels, and how soon a ticket needs an answer."""
