"""Tools over calendars."""
