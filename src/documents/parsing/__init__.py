"""Files become blocks of text with places, in processes of their own."""
