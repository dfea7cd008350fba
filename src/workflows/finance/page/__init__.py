"""The dashboard as a page, as PDF and as pictures. Rule: everything is inside the file; nothing is fetched."""
