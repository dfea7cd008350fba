"""What the desk did: refunds, replacements, replies, escalations, tickets. Rule: a key has one entry, whatever happens.

An action is one row in one SQLite file, written in one transaction together with the checks that allow it. Whatever
pays or ships reads the rows from there, so that nothing happens outside that the ledger does not know of.
"""
