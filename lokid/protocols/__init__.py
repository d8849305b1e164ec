"""Public formats that know nothing of language models: HTTP requests as values, server-sent events, JSON
Merge Patch, OAuth 2.0. Bytes or values in, values out; no I/O.

A new format is one file, with the standard it implements named on its first lines and its bounds beside
the code.
"""
