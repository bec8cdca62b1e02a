"""Changes that open workflows live through, each behind `workflow.patched`.

An entry names the patch, its date, why, and when it can go. Ids are never used again. None so far.
"""
